// Package wire reads and writes the headers of the protocol: "ac", which makes a
// record a request or a response, and "ac-dead" and "ac-error", which are added
// to a dead letter. Nothing else in the module parses or builds them.
//
// PROTOCOL.md at the root of the module specifies every byte. The format is
// canonical: there is exactly one header for each meaning, and decoding refuses
// everything that encoding would not have written.
//
// Decoded strings are slices of one copy of the header, and keep it alive.
package wire

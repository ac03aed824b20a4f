// Package checker decides whether what was seen of services that ran keeps what
// the library promises. Tests and test programs write down an [Event] for each
// thing that they see, and [Check] names what must not have happened. It knows
// nothing of the code that it judges: neither how an offset is committed nor how
// a handler is chosen, only what must be true of both.
package checker

// Package replies finds the call that a response belongs to, decides what of
// it may be delivered, and knows when a call has waited long enough.
//
// Its types are state machines without goroutines, clocks, channels or locks:
// whoever owns one calls it from one goroutine at a time.
package replies

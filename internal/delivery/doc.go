// Package delivery decides what happens to the records of a group: which may
// be handled now, which wait behind their key, how far the group may commit,
// and what a failure leads to.
//
// Its types are state machines without goroutines, clocks, channels or a
// broker. Whoever owns one calls it from one goroutine at a time; the single
// exception is [Entry.Done], which any goroutine may call.
package delivery

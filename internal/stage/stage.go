// Package stage is the seam by which the testing mode watches the services that
// it tests, and has their handlers run in an order that it chooses. A service
// whose driver implements an interface of this package uses it; no driver for
// production does.
package stage

import (
	"context"
	"fmt"

	"github.com/asynccalls/asynccalls/internal/delivery"
)

// Observer is told how runs of handlers ended.
type Observer interface {
	// Concluded is called with each outcome, before anything that follows from it
	// can be seen from outside. It does not block.
	Concluded(Outcome)
}

// Outcome is what became of one run of a handler.
type Outcome struct {
	Request string // its ID; of a response, that of the response
	Attempt int
	Err     error // that the handler returned; a *PanicError if it panicked
	How     delivery.Failure
	delivery.Outcome
}

// Stage decides when handlers run.
type Stage interface {
	Observer

	// Run has f called once, on a goroutine that the stage chooses, when it is the
	// turn of that handler; instead of a worker. With false, f gives the handler up
	// without calling it. Run does not block.
	Run(t Task, f func(bool))

	// Step is called by a handler before and after each thing that it does through
	// the library. It may block, and it may end the goroutine by runtime.Goexit, as
	// if the process had ended there. No lock is held.
	Step(t Task, what string)
}

// Task is a handler that runs or is to run.
type Task struct {
	Request string // as in Outcome
	Name    string // of the handler, for people
}

// Key is the key under which the context of a handler has the [Run] of it.
type Key struct{}

// Run is a handler that runs.
type Run interface {
	// Step is as in [Stage].
	Step(what string)
}

// Step takes a step of the handler that has this context; outside of a handler, and
// without a stage, it does nothing.
func Step(ctx context.Context, what string) {
	if r, ok := ctx.Value(Key{}).(Run); ok {
		r.Step(what)
	}
}

// PanicError is the failure of a handler that panicked.
type PanicError struct {
	Value any
	Stack []byte
}

// Error returns the value.
func (p *PanicError) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

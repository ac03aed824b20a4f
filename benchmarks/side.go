package main

import (
	"context"
	"fmt"
	"time"

	"github.com/asynccalls/asynccalls"
)

// side is one of those that are compared.
type side struct {
	name string

	// broker starts the broker of the side in this process; nil for one that uses
	// that of all, or needs none.
	broker func() (*actor, error)

	// serve serves until ctx ends. It calls ready once when it does, with its
	// addresses if clients need them.
	serve func(ctx context.Context, s *setup, ready func(addresses ...string)) error

	// open returns a caller, which need not be connected yet.
	open func(ctx context.Context, s *setup) (caller, error)

	// openDurable returns what sends durable requests and counts the responses with
	// t.
	openDurable func(ctx context.Context, s *setup, t *tally) (durable, error)

	// observe has a service report to somebody; nil for none that does.
	observe func(svc *asynccalls.Service) error

	// openHolder returns a caller that can make many calls at once.
	openHolder func(ctx context.Context, s *setup) (holder, error)

	// lacksStreams says why it cannot answer a call more than once; empty if it can.
	lacksStreams string

	// alone has one server and one client do a work that others do with many.
	alone bool
}

// caller makes calls to the server of its side. Workers are numbered from 0; each
// makes one call at a time. Their ctx never ends, as waiting for that would cost
// something; close ends calls that wait, and may be called more than once.
type caller interface {
	// echo makes a call that is answered by its own body.
	echo(ctx context.Context, worker int, body []byte) error

	// stream makes a call that is answered by its own body as often as the work
	// says, and returns when the first response came.
	stream(ctx context.Context, worker int, body []byte) (first time.Time, err error)

	close() error
}

// callLimit bounds a call.
const callLimit = 30 * time.Second

// The numbers of partitions, which are the defaults of asynccalls.
const (
	requestPartitions = 4
	replyPartitions   = 8
)

// sides returns the floor and asynccalls, in this order.
func sides() []side {
	return []side{
		{
			name: "floor", serve: serveFloor,
			open: openFloor, openDurable: openDurableFloor, openHolder: openFloorHolder,
		},
		{
			name: "asynccalls", serve: serveAsynccalls,
			open: openAsynccalls, openDurable: openDurableService, openHolder: openServiceHolder,
		},
	}
}

// checkBody finds out whether a side answers with what it should.
func checkBody(got, want int) error {
	if got != want {
		return fmt.Errorf("response has %d bytes, want %d", got, want)
	}
	return nil
}

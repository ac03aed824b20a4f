package asynccallstest

import (
	"cmp"
	"strings"
	"time"
)

// event is something that is going to happen.
type event struct {
	conn    *conn
	kind    kind
	name    string
	born    int       // the round in which it was added
	due     time.Time // it does not happen earlier
	do      func()
	drop    func() // instead of do, when its connection is gone
	outcome error  // that is told of a record that was stored; set by faults
	final   bool   // the library sends it when a handler has returned
}

// compare orders events: those that were added first happen first. What the test does is
// not to wait for them.
func (e *event) compare(other *event) int {
	return cmp.Or(
		cmp.Compare(min(e.kind, storing), min(other.kind, storing)),
		cmp.Compare(e.born, other.born),
		cmp.Compare(e.conn.index, other.conn.index),
		cmp.Compare(e.name, other.name),
	)
}

// minor reports whether the event says nothing that the one before it does not say.
func (e *event) minor() bool {
	return e.kind == ending || e.kind == stepping &&
		(strings.Contains(e.name, " has sent ") || strings.HasSuffix(e.name, " has responded"))
}

// kind is what an event is.
type kind uint8

const (
	resting    kind = iota // the test ends a process
	storing                // a record reaches the broker
	committing             // a position does
	beginning              // a handler is called
	stepping               // a handler goes on
	receiving              // a response reaches a caller
	ending                 // the services of the test are closed
)

// waits reports whether events of the kind wait until all has come to rest, so that
// they can happen in another order.
func (k kind) waits() bool { return k >= beginning }

// faults returns what may go wrong with an event.
func (e *event) faults() []fault {
	c := e.conn
	switch {
	case e.kind == receiving:
		return []fault{late}
	case !c.mortal:
		return nil
	case e.kind == storing && e.final:
		return []fault{crashBefore, loseAcknowledgement}
	case e.kind == storing:
		return []fault{loseAcknowledgement}
	case e.kind == committing:
		return []fault{crashBefore, crashAfter}
	case e.kind == beginning:
		return []fault{crashBefore, deliverAgain, late}
	default:
		return []fault{crashBefore}
	}
}

// fault is something that goes wrong.
type fault uint8

const (
	noFault fault = iota
	late
	deliverAgain
	crashBefore
	crashAfter
	loseAcknowledgement
)

func (f fault) String() string {
	return [...]string{
		"nothing", "but a minute late", "but first all that was not committed is delivered again",
		"but the process crashes before that", "and then the process crashes",
		"but the acknowledgement is lost",
	}[f]
}

// option is one of the things that may happen next.
type option struct {
	event *event
	fault fault
}

func (o option) String() string {
	if o.fault == noFault {
		return o.event.name
	}
	return o.event.name + ", " + o.fault.String()
}

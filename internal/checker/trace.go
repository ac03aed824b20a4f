package checker

import (
	"fmt"
	"slices"
)

// mostShown bounds the events of a violation.
const mostShown = 30

// trace is a history in the order of time, with what the rules look up in it.
type trace struct {
	events   []*Event
	requests []*request // in the order in which they appear
	byID     map[string]*request
	dead     map[place]bool
	killed   map[string]*Event // the last one, by instance
	delivers map[string]bool   // instances that write down what they are given
	assigns  map[string]bool   // instances that write down their assignments

	disturbed map[string][]*Event // Missed, Cut, Stalled and Closing, by instance
}

// request is everything about one request.
type request struct {
	id      string
	mode    string
	invoker string
	events  []*Event

	invoked, acked, refused, unknown  bool
	started, succeeded, dead, expired bool
	ended                             int  // how often
	failed                            bool // some end was an error

	// Of a call whose terms are known.
	invoke, end, unsent, left *Event
	received, written         []*Event
}

func newTrace(events []Event) *trace {
	t := &trace{
		events:   make([]*Event, len(events)),
		byID:     make(map[string]*request),
		dead:     make(map[place]bool),
		killed:   make(map[string]*Event),
		delivers: make(map[string]bool),
		assigns:  make(map[string]bool),

		disturbed: make(map[string][]*Event),
	}
	for i := range events {
		t.events[i] = &events[i]
	}
	slices.SortStableFunc(t.events, func(a, b *Event) int { return a.At.Compare(b.At) })
	for _, e := range t.events {
		t.index(e)
	}
	return t
}

func (t *trace) index(e *Event) {
	switch e.Kind {
	case Killed:
		t.killed[e.Instance] = e
	case Delivered:
		t.delivers[e.Instance] = true
	case Assigned:
		t.assigns[e.Instance] = true
	case Dead:
		if e.Topic != "" {
			t.dead[e.place()] = true
		}
	case Missed, Cut, Stalled, Closing:
		t.disturbed[e.Instance] = append(t.disturbed[e.Instance], e)
	default:
	}
	if e.Request == "" {
		return
	}
	r := t.byID[e.Request]
	if r == nil {
		r = &request{id: e.Request}
		t.byID[e.Request] = r
		t.requests = append(t.requests, r)
	}
	r.note(e)
}

// note takes in one event of the request.
func (r *request) note(e *Event) {
	r.events = append(r.events, e)
	if e.Mode != "" {
		r.mode = e.Mode
	}
	switch e.Kind {
	case Invoke:
		r.invoked, r.invoker = true, e.Instance
	case Acked:
		r.acked = true
	case Refused:
		r.refused = true
	case Unknown:
		r.unknown = true
	case HandlerStart:
		r.started = true
	case HandlerEnd:
		r.succeeded = r.succeeded || e.Error == ""
	case Dead:
		r.dead = r.dead || e.Run == "" // with a run it is that of a response
	case Expired:
		r.expired = true
	case Ended:
		r.ended++
		r.failed = r.failed || e.Error != ""
	default:
	}
	r.noteCall(e)
}

// noteCall takes in one event of what may be a call.
func (r *request) noteCall(e *Event) {
	switch {
	case e.Kind == Invoke && e.Terms != nil:
		r.invoke = e
	case e.Kind == Ended:
		r.end = e
	case e.Kind == Original && e.Run == "" && e.Error != "":
		r.unsent = e
	case e.Kind == Written:
		r.written = append(r.written, e)
	case e.Kind == Received:
		r.received = append(r.received, e)
	case e.Kind == Left:
		r.left = e
	}
}

// orphaned reports whether the one who sent the request died.
func (t *trace) orphaned(r *request) bool { return r.invoked && t.killed[r.invoker] != nil }

// violation returns a violation that shows at most the first events.
func violation(rule string, events []*Event, format string, args ...any) Violation {
	v := Violation{Rule: rule, Text: fmt.Sprintf(format, args...)}
	for _, e := range events[:min(len(events), mostShown)] {
		v.Events = append(v.Events, *e)
	}
	return v
}

package asynccallstest

import (
	"context"
	"fmt"

	"github.com/asynccalls/asynccalls"
)

// Verdict is what became of a request, as the service sees it that handled it.
type Verdict int

// The verdicts. A request that was tried again has that of its last attempt.
const (
	Pending      Verdict = iota // the handler has not come to an end, or was not called
	Done                        // handled, and the end was sent if somebody asked for it
	Failed                      // an error was sent as the end
	DeadLettered                // put into the dead letters; an error was sent if somebody asked for it
	Dropped                     // given up without a dead letter: by Drop, or because its time was over
)

// String returns the name of the verdict.
func (v Verdict) String() string {
	if v < Pending || v > Dropped {
		return fmt.Sprintf("Verdict(%d)", int(v))
	}
	return [...]string{"Pending", "Done", "Failed", "DeadLettered", "Dropped"}[v]
}

// Result is all that came of a request that the test handed to a service.
type Result struct {
	Responses []*asynccalls.Response // without the end, if that carries no response
	Err       error                  // how the call, or sending the request, ended
	Verdict   Verdict
	Attempts  int                   // at the request, by the process that came to the verdict
	Cause     error                 // with which the handler ended the last time
	Sent      []*asynccalls.Request // what the service sent to others meanwhile
}

// Call hands the service a request whose responses are awaited, and returns when the
// call has ended, and the handler. The handler runs on the stack of the caller, unless
// the test explores or runs on a broker outside of the process.
func (i *Instance) Call(r *asynccalls.Request) *Result {
	i.w.t.Helper()
	client := i.w.caller()
	return i.hand(&host{lacksEnd: true, awaited: true}, r, func(ctx context.Context, h *host) {
		for resp, err := range client.Call(ctx, r).Responses() { //nolint:contextcheck // as in Call.Responses
			h.take(resp, err)
		}
		h.end()
	})
}

// Notify hands the service a one-way request, and returns when it is done with it, as
// [Instance.Call] does.
func (i *Instance) Notify(r *asynccalls.Request) *Result {
	i.w.t.Helper()
	client := i.w.caller()
	return i.hand(&host{}, r, func(ctx context.Context, h *host) {
		if err := client.Notify(ctx, r); err != nil {
			h.giveUp(err)
		}
	})
}

// Send hands the service a durable request, and returns when it is done with it and
// its responses are there, as [Instance.Call] does. They go to a service of the test
// that is called "test-" and the ID of the service that is tested.
func (i *Instance) Send(r *asynccalls.Request) *Result {
	i.w.t.Helper()
	client := i.responder()
	return i.hand(&host{lacksEnd: true}, r, func(ctx context.Context, h *host) {
		if err := client.Send(ctx, r); err != nil {
			h.giveUp(err)
		}
	})
}

// hand sends a request, and lends the stack to its handler until all is over.
func (i *Instance) hand(h *host, r *asynccalls.Request, send func(context.Context, *host)) *Result {
	w := i.w
	w.t.Helper()
	h.w, h.tasks, h.news, h.lacksVerdict = w, make(chan func(bool), 1), make(chan struct{}, 1), true
	w.mu.Lock()
	taken := w.hosts[r.ID] != nil
	if !taken {
		w.hosts[r.ID] = h
	}
	from := len(w.requests)
	w.mu.Unlock()
	if taken {
		w.t.Fatalf("the request %s is being handled already", r.ID)
	}
	ctx := w.t.Context()
	w.wg.Go(func() { send(ctx, h) }) // ends with the call, or when the test does
	h.wait(ctx)
	w.mu.Lock()
	delete(w.hosts, r.ID)
	result := h.result
	w.mu.Unlock()
	result.Sent = w.sent(from, func(s *sighting) bool { return s.conn.of == i && !s.dead })
	return &result
}

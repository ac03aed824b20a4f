package asynccallstest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/internal/delivery"
	"github.com/asynccalls/asynccalls/internal/stage"
)

// host is the test, as long as it waits for what comes of a request. It lends its
// stack to the handler.
type host struct {
	w     *world
	tasks chan func(bool) // the handler is to run
	news  chan struct{}   // gets an element when something below has changed

	awaited bool // it is a call, which ends in any case: at its deadline if nothing is sent

	// world.mu guards the following.
	result       Result
	guest        *conn // whose handler was sent to tasks
	lacksVerdict bool
	lacksEnd     bool
}

// wait runs handlers until all is over.
func (h *host) wait(ctx context.Context) {
	timer := time.NewTimer(h.w.patience())
	defer timer.Stop()
	for !h.isOver() {
		select {
		case f := <-h.tasks:
			f(true)
		case <-h.news:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (h *host) isOver() bool {
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	return !h.lacksVerdict && !h.lacksEnd
}

// invite has the handler of a process run on the stack of the host, and reports
// whether it does.
func (h *host) invite(c *conn, f func(bool)) bool {
	if h.w.schedule != nil {
		return false // a process that crashes would take the test with it
	}
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	select {
	case h.tasks <- f:
		h.guest = c
		return true
	default: // it has one
		return false
	}
}

// holds reports whether a handler of a process runs on the stack of the host. The lock
// is held.
func (h *host) holds(c *conn) bool { return h != nil && h.guest == c }

// conclude takes in how a run ended. The lock is held.
func (h *host) conclude(o stage.Outcome) {
	h.result.Attempts = o.Attempt
	h.result.Cause = o.Err
	if !o.Retry.IsZero() {
		return
	}
	h.result.Verdict = verdict(o)
	h.lacksVerdict = o.Dead // until the letter is stored
	h.lacksEnd = h.lacksEnd && (o.End || h.awaited)
	h.signal()
}

// bury takes in that the dead letter was stored. The lock is held.
func (h *host) bury() {
	h.lacksVerdict = false
	h.signal()
}

func verdict(o stage.Outcome) Verdict {
	switch {
	case o.Dead:
		return DeadLettered
	case o.How == delivery.Success:
		return Done
	case o.How == delivery.Dropped || o.How == delivery.Expired:
		return Dropped
	default:
		return Failed
	}
}

// take takes in a response, or how the call ended.
func (h *host) take(r *asynccalls.Response, err error) {
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	if err == nil {
		h.result.Responses = append(h.result.Responses, r)
		return
	}
	h.result.Err = err
	if _, ok := errors.AsType[*asynccalls.Error](err); !ok {
		h.lacksVerdict = false // the caller has gone away
	}
}

// end takes in that nothing follows.
func (h *host) end() {
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	h.lacksEnd = false
	h.signal()
}

// giveUp takes in that the request was not sent.
func (h *host) giveUp(err error) {
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	h.result.Err = err
	h.lacksVerdict, h.lacksEnd = false, false
	h.signal()
}

func (h *host) signal() {
	select {
	case h.news <- struct{}{}:
	default: // it will look
	}
}

// respond gives a durable response to the test that waits for it.
func (w *world) respond(_ context.Context, r *asynccalls.Response) error {
	w.mu.Lock()
	h := w.hosts[r.RequestID]
	known := h == nil || slices.ContainsFunc(h.result.Responses, func(other *asynccalls.Response) bool {
		return other.Run == r.Run && other.Seq == r.Seq
	})
	w.mu.Unlock()
	if known {
		return nil // it comes late, or again
	}
	if err := r.Err(); err != nil {
		h.take(nil, err)
	} else if !r.End || len(r.Body) > 0 {
		h.take(r, nil)
	}
	if r.End {
		h.end()
	}
	return nil
}

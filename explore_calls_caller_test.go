package asynccalls_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/checker"
)

// reader is how a caller reads.
type reader struct {
	patience int           // it leaves after so many responses
	pause    time.Duration // before the first, and after each
	one      bool          // it wants exactly one
	cancels  time.Duration // it ends the context after that, unless 0
	usual    bool          // it sets no deadline of its own
}

func (x *exploration) newReader(id string) reader {
	random := x.dice("reader", id)
	r := reader{patience: 1000, one: random.IntN(10) == 0, usual: random.IntN(6) == 0}
	switch random.IntN(10) {
	case 0:
		r.patience = random.IntN(3)
	case 1:
		r.pause = time.Duration(random.IntN(2000)) * time.Millisecond
	case 2:
		r.cancels = time.Duration(1+random.IntN(20_000)) * time.Millisecond
	}
	return r
}

// usualLimit is the deadline of a call that has none of its own.
const usualLimit = 30 * time.Second

// call makes an awaited call, and writes down how it ends.
func (h *host) call(r *asynccalls.Request, limit time.Duration) {
	how := h.x.newReader(r.ID)
	ctx, cancel := h.x.t.Context(), func() {}
	if how.cancels > 0 {
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
	}
	if how.usual {
		limit = usualLimit
		h.x.count("calls without deadline", 1)
	} else {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, limit)
		defer stop()
	}
	if how.cancels > 0 {
		canceling := time.AfterFunc(how.cancels, func() {
			h.about(r, checker.Event{Kind: checker.Left})
			cancel()
		})
		defer canceling.Stop()
	}
	terms := &checker.Terms{Pause: how.pause, One: how.one, Limit: h.limits.CallBytes}
	h.pending.Add(1)
	defer h.pending.Add(-1)
	h.about(r, checker.Event{Kind: checker.Invoke, Key: r.Key, Terms: terms, Until: time.Now().Add(limit)})
	h.x.count("calls", 1)
	var err error
	if how.one {
		err = h.callOne(ctx, r)
	} else {
		err = h.read(ctx, r, how)
	}
	e := checker.Event{Kind: checker.Ended}
	result := "well"
	if err != nil {
		e.Error, e.Reason = err.Error(), reasonOf(err)
		result = e.Reason
	}
	h.about(r, e)
	h.x.forget(r.ID)
	h.x.count("calls ended: "+result, 1)
}

func (h *host) callOne(ctx context.Context, r *asynccalls.Request) error {
	resp, err := h.service.CallOne(ctx, r)
	if err == nil {
		h.received(r, resp)
	}
	return err
}

// read reads the responses to a call. Some callers leave before the end.
func (h *host) read(ctx context.Context, r *asynccalls.Request, how reader) error {
	n, run := 0, ""
	call := h.service.Call(ctx, r)
	pass(how.pause)
	for resp, err := range call.Responses() {
		if err != nil {
			return err
		}
		if n == how.patience {
			h.about(r, checker.Event{Kind: checker.Left})
			return errLeft
		}
		if run != "" && run != resp.Run {
			h.x.count("calls that changed runs", 1)
		}
		n, run = n+1, resp.Run
		h.received(r, resp)
		pass(how.pause)
	}
	return nil
}

// received notes a response, and checks that it is one to this request.
func (h *host) received(r *asynccalls.Request, resp *asynccalls.Response) {
	h.x.count("responses received", 1)
	want := fmt.Sprintf("response %d to %s", resp.Seq, r.ID)
	if !strings.HasPrefix(string(resp.Body), want) || resp.RequestID != r.ID {
		h.x.t.Errorf("seed %d: call %s got %q as number %d", h.x.seed, r.ID, resp.Body, resp.Seq)
	}
	h.about(r, checker.Event{
		Kind: checker.Received, Run: resp.Run, Seq: resp.Seq,
		Digest: content(resp.Body, resp.Status, resp.Header),
	})
}

// about notes something about a call.
func (h *host) about(r *asynccalls.Request, e checker.Event) {
	e.Request, e.Mode = r.ID, checker.ModeCall
	h.driver.note(e)
}

// errLeft is how a call ends whose caller has left.
var errLeft = errors.New("the caller has left")

// reasons returns the errors that calls end with, by what the checker calls them.
func reasons() map[string][]error {
	return map[string][]error{
		checker.ReasonDeadline:  {context.DeadlineExceeded},
		checker.ReasonLeft:      {errLeft, context.Canceled},
		checker.ReasonLost:      {asynccalls.ErrReplyLost},
		checker.ReasonRestarted: {asynccalls.ErrRestarted},
		checker.ReasonSlow:      {asynccalls.ErrSlowReader},
		checker.ReasonCount:     {asynccalls.ErrResponseCount},
		checker.ReasonClosed:    {asynccalls.ErrClosed},
		checker.ReasonUnsent:    {driver.ErrRefused, driver.ErrUnknownOutcome},
		checker.ReasonStatus:    nil,
	}
}

// reasonOf names why a call ended, "" if for none of the known reasons.
func reasonOf(err error) string {
	if _, ok := errors.AsType[*asynccalls.Error](err); ok {
		return checker.ReasonStatus
	}
	for reason, known := range reasons() {
		for _, k := range known {
			if errors.Is(err, k) {
				return reason
			}
		}
	}
	return ""
}

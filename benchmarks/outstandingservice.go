package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/asynccalls/asynccalls"
)

// holdLimit is how long calls may be awaited that nobody answers, longer than
// any round.
const holdLimit = 10 * time.Minute

// serviceHolder is a client of asynccalls that awaits many calls.
type serviceHolder struct {
	*serviceCaller
	requests []*asynccalls.Request
	calls    []*asynccalls.Call // with the first of requests
	over     int                // the first of calls that are known to have ended
}

var _ holder = (*serviceHolder)(nil)

func openServiceHolder(_ context.Context, s *setup) (holder, error) {
	limits := asynccalls.Limits{Call: holdLimit, MaxCall: holdLimit}
	c, err := newServiceCaller(s, limits) //nolint:contextcheck // it does no I/O
	if err != nil {
		return nil, err
	}
	return &serviceHolder{serviceCaller: c}, nil
}

func (h *serviceHolder) prepare(count int, body func() []byte) {
	h.requests = make([]*asynccalls.Request, count)
	h.calls = make([]*asynccalls.Call, 0, count)
	for i := range h.requests {
		h.requests[i] = asynccalls.NewRequest(silent, "/nothing", body())
	}
}

func (h *serviceHolder) hold(ctx context.Context, n int) error {
	if err := h.service.Ready(ctx); err != nil { // or else calls may be sent after the Flush
		return err
	}
	for _, r := range h.requests[len(h.calls):][:n] {
		h.calls = append(h.calls, h.service.Call(ctx, r))
	}
	return h.driver.Flush(ctx)
}

func (h *serviceHolder) ended(n int) error {
	for i, c := range h.calls[h.over:][:n] {
		for resp, err := range c.Responses() {
			if resp != nil {
				return fmt.Errorf("call %d of %d was answered", i+1, n)
			}
			if !errors.Is(err, context.Canceled) && !errors.Is(err, asynccalls.ErrClosed) {
				return fmt.Errorf("call %d of %d: %w", i+1, n, err)
			}
		}
	}
	h.over += n
	return nil
}

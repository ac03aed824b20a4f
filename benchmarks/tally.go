package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// tally keeps requests in flight: it says how many more may be sent, and takes
// notice of each response. It is safe for concurrent use.
type tally struct {
	most    int64         // in flight
	arrived atomic.Int64  // responses
	wanted  atomic.Int64  // how many of them whoever waits wants
	reached chan struct{} // gets an element when as many have arrived
	failed  chan error    // gets the first reason why no more will arrive

	mu   sync.Mutex // held also while waiting: one goroutine waits, the others for that one
	sent int64
	left int64 // to be sent
}

func newTally(most int) *tally {
	return &tally{most: int64(most), reached: make(chan struct{}, 1), failed: make(chan error, 1)}
}

// arrive takes notice of a response.
func (t *tally) arrive() {
	if t.arrived.Add(1) == t.wanted.Load() {
		select {
		case t.reached <- struct{}{}:
		default: // who waits will look anyway
		}
	}
}

// fail says that no more responses will arrive. Only the first reason counts.
func (t *tally) fail(err error) {
	select {
	case t.failed <- err:
	default:
	}
}

// begin says that count more requests are to be sent. All earlier ones must have
// their responses, and no response may have come twice.
func (t *tally) begin(count int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.left = int64(count)
	if arrived := t.arrived.Load(); arrived != t.sent {
		return fmt.Errorf("got %d responses to %d requests", arrived, t.sent)
	}
	return nil
}

// take returns how many requests are to be sent now, up to batch, when there is
// room for them in flight; 0 when all were sent.
func (t *tally) take(ctx context.Context, batch int) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := min(int64(batch), t.left)
	if err := t.wait(ctx, t.sent+n-t.most); err != nil {
		return 0, err
	}
	t.left -= n
	t.sent += n
	return int(n), nil
}

// finish waits until all requests that were sent have their responses.
func (t *tally) finish(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.wait(ctx, t.sent)
}

// wait waits until that many responses have arrived in all. The lock is held.
func (t *tally) wait(ctx context.Context, responses int64) error {
	t.wanted.Store(responses) // before the look: who arrives next sees it, or is seen
	for t.arrived.Load() < responses {
		select {
		case <-t.reached:
		case err := <-t.failed:
			t.fail(err) // the next one is to know it too
			return fmt.Errorf("got %d responses to %d requests: %w", t.arrived.Load(), t.sent, err)
		case <-ctx.Done():
			return fmt.Errorf("got %d responses to %d requests: %w", t.arrived.Load(), t.sent, context.Cause(ctx))
		}
	}
	return nil
}

package asynccalls_test

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
)

// TestUnavailable takes away for hours what a handler needs (2.5).
func TestUnavailable(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		const requests = 200
		var away atomic.Bool
		away.Store(true)
		var runs, handled, other atomic.Int32
		s := newService(t, "server", d)
		s.Handle("/e", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
			runs.Add(1)
			if r.Attempt != 1 {
				t.Errorf("attempt %d, want none consumed", r.Attempt)
			}
			if away.Load() {
				return asynccalls.Unavailable(errBroken)
			}
			handled.Add(1)
			return nil
		})
		s.Handle("/other", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
			other.Add(1)
			return nil
		})
		listen(t, s)
		client := newService(t, "client", d)
		for i := range requests {
			r := asynccalls.NewRequest("server", "/e", nil)
			r.Key = strconv.Itoa(i)
			sendAs(t, client, "one-way", r)
		}
		if end := sendAs(t, client, "awaited", asynccalls.NewRequest("server", "/e", nil)); end != "status 503: unavailable" {
			t.Errorf("an awaited request ended with %q, want status 503", end)
		}
		sendAs(t, client, "awaited", asynccalls.NewRequest("server", "/other", nil))
		if other.Load() != 1 {
			t.Error("another endpoint is held up")
		}
		before := runs.Load()
		elapse(3 * time.Hour)
		if n := runs.Load() - before; n > 3*3600/5 {
			t.Errorf("%d attempts in three hours, want one every 5 to 10 seconds", n)
		}
		if n := len(read(t, d, "server.dead")); n != 0 {
			t.Errorf("%d dead letters, want none", n)
		}
		away.Store(false)
		elapse(time.Minute)
		if handled.Load() != requests {
			t.Errorf("%d of %d handled once it was back", handled.Load(), requests)
		}
	})
}

package asynccalls_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynccalls/asynccalls"
)

// TestConcurrency bounds the handlers that run at a time, of the service and of
// an endpoint, and a slow endpoint does not hold up another.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		var slow, quick atomic.Int32
		s := newService(t, "server", d, asynccalls.Limits{Concurrency: 5})
		free := make(chan struct{})
		s.Handle("/slow", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
			slow.Add(1)
			<-free
			slow.Add(-1)
			return nil
		}, asynccalls.Limits{Concurrency: 3})
		s.Handle("/quick", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
			quick.Add(1)
			<-free
			quick.Add(-1)
			return nil
		})
		listen(t, s)
		client := newService(t, "client", d)
		for i := range 40 {
			endpoint := []string{"/slow", "/quick"}[i/20]
			if err := client.Notify(t.Context(), asynccalls.NewRequest("server", endpoint, nil)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if slow.Load() != 3 || quick.Load() != 2 {
			t.Errorf("%d slow and %d quick handlers run, want 3 and 2", slow.Load(), quick.Load())
		}
		close(free)
		synctest.Wait()
		if slow.Load() != 0 || quick.Load() != 0 {
			t.Errorf("%d slow and %d quick handlers run, want none", slow.Load(), quick.Load())
		}
		pass(time.Second)
		done := int64(0)
		last := make(map[int32]int64)
		for _, p := range d.committed() {
			last[p.ID] = p.Offset
		}
		for _, offset := range last {
			done += offset
		}
		if done != 40 {
			t.Errorf("%d requests are committed, want 40", done)
		}
	})
}

// TestWindow sends far more than a partition's window holds: it is paused and
// resumed, what is taken in stays bounded, and nothing is lost (2.4, 2.10).
func TestWindow(t *testing.T) {
	t.Parallel()
	tests := map[string]asynccalls.Limits{
		"records": {Window: 50, Concurrency: 10},
		"bytes":   {WindowBytes: 100_000, Concurrency: 10},
	}
	for name, limits := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world(t, func(t *testing.T, d *faulty) {
				s := newService(t, "server", d, asynccalls.Topics{Partitions: 1}, limits)
				handled := make(map[string]bool)
				var mu sync.Mutex
				s.Handle("/e", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
					pass(time.Millisecond)
					mu.Lock()
					defer mu.Unlock()
					handled[string(r.Body[:4])] = true
					return nil
				})
				listen(t, s)
				client := newService(t, "client", d)
				var batch []*asynccalls.Request
				for i := range 3000 {
					batch = append(batch, asynccalls.NewRequest("server", "/e", fmt.Appendf(nil, "%04d%1000d", i, 0)))
				}
				if err := client.Notify(t.Context(), batch...); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				mu.Lock()
				if n := int(d.received.Load()) - len(handled); n > 1100 { // a batch more than the bound
					t.Errorf("%d records were received and not handled", n)
				}
				mu.Unlock()
				pass(time.Minute)
				mu.Lock()
				defer mu.Unlock()
				if len(handled) != 3000 {
					t.Errorf("%d requests were handled, want 3000", len(handled))
				}
				if p := d.committed(); p[len(p)-1].Offset != 3000 {
					t.Errorf("committed is %d, want 3000", p[len(p)-1].Offset)
				}
			})
		})
	}
}

// TestWorkersCatchUp has quick handlers and a small window: the receive loop waits
// for them instead of pausing partitions, and not longer than it must.
func TestWorkersCatchUp(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		s := newService(t, "server", d, asynccalls.Limits{Window: 10})
		s.Handle("/e", reply(nil))
		listen(t, s)
		client := newService(t, "client", d)
		begin := time.Now()
		var batch []*asynccalls.Request
		for range 5000 {
			batch = append(batch, asynccalls.NewRequest("server", "/e", nil))
		}
		if err := client.Notify(t.Context(), batch...); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := d.received.Load(); n != 5000 || time.Since(begin) > 0 {
			t.Errorf("received %d in %v, want all at once", n, time.Since(begin))
		}
		if n := d.pauses.Load(); n > 0 {
			t.Errorf("paused %d times, want never", n)
		}
		begin = time.Now()
		if err := s.Close(); err != nil || time.Since(begin) > 0 {
			t.Errorf("Close took %v and returned %v, want that it does not wait", time.Since(begin), err)
		}
	})
}

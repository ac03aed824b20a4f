package asynccalls_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynccalls/asynccalls"
)

// TestNestedCalls has handlers call their own service, which would wait for each
// other if one that waits kept its slot (2.4).
func TestNestedCalls(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		var now, most atomic.Int32
		busy := func() (free func()) {
			most.Store(max(most.Load(), now.Add(1)))
			pass(time.Millisecond)
			return func() { now.Add(-1) }
		}
		s := newService(t, "server", d, asynccalls.Limits{Concurrency: 2})
		s.Handle("/depth/{n...}", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
			free := busy()
			n := len(r.PathValue("n"))
			if n == 0 {
				defer free()
				return w.Send(ctx, asynccalls.NewResponse([]byte(".")))
			}
			next := asynccalls.NewRequest("server", "/depth/"+strings.Repeat("x", n-1), nil)
			free()
			resp, err := s.CallOne(ctx, next)
			if err != nil {
				return err
			}
			defer busy()()
			return w.Send(ctx, asynccalls.NewResponse(append(resp.Body, '.')))
		})
		listen(t, s)
		client := newService(t, "client", d)
		var calls []*asynccalls.Call
		for range 20 {
			calls = append(calls, client.Call(t.Context(), asynccalls.NewRequest("server", "/depth/xxxx", nil)))
		}
		for _, c := range calls {
			if bodies, err := collect(c); err != nil || fmt.Sprint(bodies) != "[.....]" {
				t.Errorf("call ended with %v and %v, want five dots", bodies, err)
			}
		}
		if most.Load() != 2 {
			t.Errorf("%d handlers ran at a time, want 2", most.Load())
		}
	})
}

// TestNestedCallOfALostHandler ends a handler that waits for a slot after its
// nested call, and one that leaves a goroutine behind in a call.
func TestNestedCallOfALostHandler(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		s := newService(t, "server", d, asynccalls.Limits{Concurrency: 1, Handler: 5 * time.Second})
		s.Handle("/quick", reply(nil, "quick"))
		s.Handle("/hog", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
			pass(20 * time.Second)
			return nil
		})
		s.Handle("/outer", func(ctx context.Context, _ asynccalls.ResponseWriter, _ *asynccalls.Request) error {
			_, err := s.CallOne(ctx, asynccalls.NewRequest("server", "/hog", nil))
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("nested call ended with %v, want that the time is over", err)
			}
			return nil
		})
		s.Handle("/leak", func(ctx context.Context, _ asynccalls.ResponseWriter, _ *asynccalls.Request) error {
			go s.CallOne(ctx, asynccalls.NewRequest("server", "/quick", nil))
			return nil
		})
		listen(t, s)
		client := newService(t, "client", d)
		begin := time.Now()
		call := client.Call(t.Context(), asynccalls.NewRequest("server", "/outer", nil))
		if _, err := collect(call); time.Since(begin) > 6*time.Second {
			t.Errorf("the handler that waited for a slot ended after %v with %v", time.Since(begin), err)
		}
		elapse(time.Minute)
		for range 10 {
			if _, err := collect(client.Call(t.Context(), asynccalls.NewRequest("server", "/leak", nil))); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		if _, err := client.CallOne(t.Context(), asynccalls.NewRequest("server", "/quick", nil)); err != nil {
			t.Errorf("call after the others ended with %v: a slot is lost", err)
		}
	})
}

// TestNestedCallsBackAndForth has two services call each other more deeply than
// either has slots.
func TestNestedCallsBackAndForth(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		names := []string{"ping", "pong"}
		var services [2]*asynccalls.Service
		for i, name := range names {
			s := newService(t, name, d, asynccalls.Limits{Concurrency: 1})
			s.Handle("/{n}", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
				n := len(r.PathValue("n"))
				if n == 1 {
					return w.Send(ctx, asynccalls.NewResponse([]byte("end")))
				}
				next := asynccalls.NewRequest(names[1-i], "/"+strings.Repeat("x", n-1), nil)
				resp, err := s.CallOne(ctx, next)
				if err != nil {
					return err
				}
				return w.Send(ctx, asynccalls.NewResponse(resp.Body))
			})
			services[i] = s
		}
		for _, s := range services {
			listen(t, s)
		}
		resp, err := services[0].CallOne(t.Context(), asynccalls.NewRequest("pong", "/"+strings.Repeat("x", 20), nil))
		if err != nil || string(resp.Body) != "end" {
			t.Errorf("call ended with %v and %v", resp, err)
		}
	})
}

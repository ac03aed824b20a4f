package asynccalls_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
)

func checkStatus(t *testing.T, err error, status int, message string) {
	t.Helper()
	var e *asynccalls.Error
	switch {
	case status == 0 && err != nil:
		t.Errorf("call failed: %v", err)
	case status != 0 && !errors.As(err, &e):
		t.Errorf("call ended with %v, want status %d", err, status)
	case status != 0 && (e.Status != status || e.Message != message):
		t.Errorf("call ended with %d %q, want %d %q", e.Status, e.Message, status, message)
	}
}

// last returns a handler that marks its last response.
func last(bodies ...string) asynccalls.Handler {
	return func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
		for i, b := range bodies {
			r := asynccalls.NewResponse([]byte(b))
			r.End = i == len(bodies)-1
			if err := w.Send(ctx, r); err != nil {
				return err
			}
		}
		if err := w.Send(ctx, asynccalls.NewResponse(nil)); !errors.Is(err, asynccalls.ErrClosed) {
			return fmt.Errorf("send after the last, want ErrClosed: %w", err)
		}
		return nil
	}
}

// TestRequestAndResponse looks at every field that a handler and a caller see.
func TestRequestAndResponse(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		var got *asynccalls.Request
		var fromContext *asynccalls.Request
		serve(t, d, "server", "/orders/{id}", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
			got, fromContext = r, asynccalls.RequestFrom(ctx)
			resp := asynccalls.NewResponse([]byte("pong"))
			resp.Status = 202
			resp.Header = asynccalls.Header{{Key: "x", Value: "1"}, {Key: "x", Value: "2"}}
			resp.ID, resp.Run, resp.Seq = "mine", "mine", 17
			if err := w.Send(ctx, resp); err != nil {
				return err
			}
			if err := w.Send(ctx, resp); err == nil || !strings.Contains(err.Error(), "sent before") {
				t.Errorf("sending a response twice gave %v", err)
			}
			return nil
		})
		client := newService(t, "client", d)
		req := asynccalls.NewRequest("server", "/orders/17", []byte("ping"))
		req.Key = "customer 4"
		req.Header.Add("a", "1")
		req.Header.Add("a", "2")
		resp, err := client.CallOne(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if got != fromContext {
			t.Error("RequestFrom is not the request of the handler")
		}
		want := asynccalls.Request{
			ID: req.ID, Service: "server", Endpoint: "/orders/17", Key: "customer 4", From: "client",
			Header: req.Header, Body: []byte("ping"), TTL: 30 * time.Second, Attempt: 1, Source: got.Source,
		}
		ignore := cmp.FilterPath(func(p cmp.Path) bool {
			return p.Last().String() == ".pattern" || p.Last().String() == ".sent"
		}, cmp.Ignore())
		exported := cmp.AllowUnexported(asynccalls.Request{}, asynccalls.Response{})
		if diff := cmp.Diff(&want, got, ignore, exported); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
		if got.Source.Topic != "server.requests" || got.PathValue("id") != "17" || got.PathValue("nr") != "" {
			t.Errorf("source is %v, id is %q", got.Source, got.PathValue("id"))
		}
		wantResponse := asynccalls.Response{
			ID: req.ID + "." + resp.Run + ".0", RequestID: req.ID, Service: "server", Endpoint: "/orders/17",
			Key: "customer 4", Run: resp.Run, Status: 202, Body: []byte("pong"), Source: resp.Source,
			Header: asynccalls.Header{{Key: "x", Value: "1"}, {Key: "x", Value: "2"}},
		}
		if diff := cmp.Diff(&wantResponse, resp, ignore, exported); diff != "" {
			t.Errorf("response (-want +got):\n%s", diff)
		}
		if resp.Run == "" || resp.Run == "mine" || resp.Source.Topic != "client.replies" || resp.Err() != nil {
			t.Errorf("run is %q, source %v, error %v", resp.Run, resp.Source, resp.Err())
		}
		if asynccalls.RequestFrom(t.Context()) != nil || resp.PathValue("id") != "" {
			t.Error("there is a request, or a path value, outside of a handler")
		}
	})
}

// TestCallEnds goes through the ends that are not the handler's (3.5).
func TestCallEnds(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		ctx  func(context.Context) (context.Context, context.CancelFunc)
		do   func(client *asynccalls.Service)
		want error
		took time.Duration
	}{
		"default deadline": {context.WithCancel, nil, context.DeadlineExceeded, 30 * time.Second},
		"deadline of ctx": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 90*time.Second)
		}, nil, context.DeadlineExceeded, 90 * time.Second},
		"canceled": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(time.Second, cancel)
			return ctx, cancel
		}, nil, context.Canceled, time.Second},
		"cause": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			time.AfterFunc(time.Second, func() { cancel(errCause) })
			return ctx, func() { cancel(nil) }
		}, nil, errCause, time.Second},
		"closed": {context.WithCancel, func(c *asynccalls.Service) {
			time.AfterFunc(time.Second, func() { c.Close() })
		}, asynccalls.ErrClosed, time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world(t, func(t *testing.T, d *faulty) {
				free := make(chan struct{})
				defer close(free)
				serve(t, d, "server", "/e", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
					<-free
					return nil
				})
				client := newService(t, "client", d)
				ctx, cancel := tt.ctx(t.Context())
				defer cancel()
				start := time.Now()
				if tt.do != nil {
					tt.do(client)
				}
				_, err := collect(client.Call(ctx, asynccalls.NewRequest("server", "/e", nil)))
				if !errors.Is(err, tt.want) {
					t.Errorf("call ended with %v, want %v", err, tt.want)
				}
				if took := time.Since(start).Round(100 * time.Millisecond); took != tt.took {
					t.Errorf("call ended after %v, want %v", took, tt.took)
				}
				again, cancelAgain := tt.ctx(t.Context())
				defer cancelAgain()
				_, err = client.CallOne(again, asynccalls.NewRequest("server", "/e", nil))
				if !errors.Is(err, tt.want) {
					t.Errorf("CallOne ended with %v, want %v", err, tt.want)
				}
			})
		})
	}
}

var errCause = errors.New("cause")

// TestUnreadCallEnds shows that a call that nobody reads gives its place up.
func TestUnreadCallEnds(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		serve(t, d, "server", "/e", func(ctx context.Context, _ asynccalls.ResponseWriter, _ *asynccalls.Request) error {
			<-ctx.Done()
			return ctx.Err()
		})
		client := newService(t, "client", d)
		ctx, cancel := context.WithCancel(t.Context())
		for range 3 {
			client.Call(ctx, asynccalls.NewRequest("server", "/e", nil))
			client.Call(t.Context(), asynccalls.NewRequest("server", "/e", nil))
		}
		synctest.Wait()
		if n := client.PendingCalls(); n != 6 {
			t.Errorf("%d calls are pending, want 6", n)
		}
		cancel()
		synctest.Wait()
		if n := client.PendingCalls(); n != 3 {
			t.Errorf("%d calls are pending after cancel, want 3", n)
		}
		pass(31 * time.Second)
		if n := client.PendingCalls(); n != 0 {
			t.Errorf("%d calls are pending after their deadline, want none", n)
		}
	})
}

// TestCancelStopsTheLoop cancels while responses wait that have arrived.
func TestCancelStopsTheLoop(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		serve(t, d, "server", "/e", reply(nil, "a", "b", "c"))
		client := newService(t, "client", d)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		call := client.Call(ctx, asynccalls.NewRequest("server", "/e", nil))
		synctest.Wait()
		var bodies []string
		var last error
		for r, err := range call.Responses() {
			last = err
			if err == nil {
				bodies = append(bodies, string(r.Body))
				cancel()
			}
		}
		if len(bodies) != 1 || !errors.Is(last, context.Canceled) {
			t.Errorf("got %v and then %v, want one response and context.Canceled", bodies, last)
		}
	})
}

// TestCallRefuses goes through what is wrong with a call before it is sent.
func TestCallRefuses(t *testing.T) {
	t.Parallel()
	over := func(ctx context.Context) context.Context {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return ctx
	}
	same := func(ctx context.Context) context.Context { return ctx }
	request := func(service, endpoint string, edit func(*asynccalls.Request)) *asynccalls.Request {
		r := asynccalls.NewRequest(service, endpoint, nil)
		edit(r)
		return r
	}
	none := func(*asynccalls.Request) {}
	tests := map[string]struct {
		request *asynccalls.Request
		ctx     func(context.Context) context.Context
		want    string
	}{
		"nil":             {nil, same, "the request is nil"},
		"service":         {request("My Service", "/e", none), same, `"My Service"`},
		"endpoint":        {request("server", "e", none), same, `"e"`},
		"id":              {request("server", "/e", func(r *asynccalls.Request) { r.ID = "a b" }), same, `"a b"`},
		"protocol header": {request("server", "/e", func(r *asynccalls.Request) { r.Header.Add("ac-x", "") }), same, `"ac-x"`},
		"no header key":   {request("server", "/e", func(r *asynccalls.Request) { r.Header.Add("", "v") }), same, "no key"},
		"canceled":        {request("server", "/e", none), over, "context canceled"},
		"no service":      {request("nobody", "/e", none), same, `no such service: "nobody"`},
		"unknown":         {request("server", "/f", none), same, `unknown endpoint "/f"`},
		"too large": {
			request("server", "/e", func(r *asynccalls.Request) { r.Body = make([]byte, 2<<20) }),
			same, "record too large: the limit is 1048588 bytes",
		},
		"far deadline": {request("server", "/e", none), func(ctx context.Context) context.Context {
			ctx, cancel := context.WithTimeout(ctx, time.Hour)
			context.AfterFunc(ctx, cancel)
			return ctx
		}, "the deadline is in 1h0m0s, more than Limits.MaxCall, which is 10m0s"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world(t, func(t *testing.T, d *faulty) {
				serve(t, d, "server", "/e", reply(nil))
				client := newService(t, "client", d)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				_, err := collect(client.Call(tt.ctx(ctx), tt.request))
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("call ended with %v, want %q", err, tt.want)
				}
				synctest.Wait()
				if n := client.PendingCalls(); n != 0 {
					t.Errorf("%d calls are pending, want none", n)
				}
			})
		})
	}
}

func second[T any](_ T, err error) error { return err }

// TestNestedCallsInheritTheDeadline passes a handler's ctx on (3.6).
func TestNestedCallsInheritTheDeadline(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		var left time.Duration
		serve(t, d, "inner", "/e", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
			left = r.TTL
			return nil
		})
		outer := newService(t, "outer", d)
		outer.Handle("/e", func(ctx context.Context, _ asynccalls.ResponseWriter, _ *asynccalls.Request) error {
			pass(2 * time.Second)
			_, err := collect(outer.Call(ctx, asynccalls.NewRequest("inner", "/e", nil)))
			return err
		})
		listen(t, outer)
		client := newService(t, "client", d)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, err := collect(client.Call(ctx, asynccalls.NewRequest("outer", "/e", nil))); err != nil {
			t.Fatal(err)
		}
		if left != 3*time.Second {
			t.Errorf("the inner call has %v left, want 3s", left)
		}
	})
}

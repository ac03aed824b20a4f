package asynccalls_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/internal/info"
)

// noting returns a middleware that notes when it comes and goes.
func noting(l *list, name string) asynccalls.Middleware {
	return func(next asynccalls.Handler) asynccalls.Handler {
		return func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
			l.add(name + " " + r.PathValue("id"))
			err := next(ctx, w, r)
			l.add(fmt.Sprintf("%s: %v", name, err))
			return err
		}
	}
}

// TestUse wraps endpoints: the first that was added is the outermost (5.1).
func TestUse(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		type key struct{}
		var l list
		s := newService(t, "server", d)
		s.Handle("/before/{id}", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
			l.add("handler")
			return w.Send(ctx, asynccalls.NewResponse(fmt.Append(nil, ctx.Value(key{}), r.Header.Get("x"))))
		})
		s.Use(noting(&l, "outer"), noting(&l, "middle"))
		s.Use(func(next asynccalls.Handler) asynccalls.Handler {
			return func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
				r.Header.Add("x", "y")
				if err := next(context.WithValue(ctx, key{}, "value "), w, r); err != nil {
					return &asynccalls.Error{Status: 418, Message: err.Error()}
				}
				return nil
			}
		})
		s.Handle("/after", reply(errors.New("broken")))
		listen(t, s)
		client := newService(t, "client", d)
		if got := sendAs(t, client, "awaited", asynccalls.NewRequest("server", "/before/17", nil)); got != "[value y] <nil>" {
			t.Errorf("got %s", got)
		}
		if got := sendAs(t, client, "awaited", asynccalls.NewRequest("server", "/after", nil)); got != "status 418: broken" {
			t.Errorf("got %s", got)
		}
		want := []string{
			"outer 17", "middle 17", "handler", "middle: <nil>", "outer: <nil>",
			"outer ", "middle ", "middle: status 418: broken", "outer: status 418: broken",
		}
		if diff := cmp.Diff(want, l.all()); diff != "" {
			t.Errorf("what happened (-want +got):\n%s", diff)
		}
		sendAs(t, client, "awaited", asynccalls.NewRequest("server", "/unknown", nil))
		sendAs(t, client, "awaited", asynccalls.NewRequest("server", info.Endpoint, nil))
		if got := l.all(); len(got) != len(want) {
			t.Errorf("what the library answers itself was wrapped: %q", got[len(want):])
		}
	})
}

// TestUseResponses wraps handlers of responses, and nothing else.
func TestUseResponses(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		serve(t, d, "server", "/e", reply(nil, "a"))
		var l list
		client := newService(t, "client", d)
		for _, name := range []string{"outer", "inner"} {
			client.UseResponses(func(next asynccalls.ResponseHandler) asynccalls.ResponseHandler {
				return func(ctx context.Context, r *asynccalls.Response) error {
					l.add(name)
					return next(ctx, r)
				}
			})
		}
		client.Use(noting(&l, "not this"))
		client.HandleResponses("server", "/e", func(_ context.Context, r *asynccalls.Response) error {
			l.add(string(r.Body))
			return nil
		})
		listen(t, client)
		sendAs(t, client, "durable", asynccalls.NewRequest("server", "/e", nil))
		elapse(time.Second)
		if diff := cmp.Diff([]string{"outer", "inner", "a"}, l.all()); diff != "" {
			t.Errorf("what happened (-want +got):\n%s", diff)
		}
	})
}

// TestUseCalls wraps calls: their requests and their responses.
func TestUseCalls(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		serve(t, d, "server", "/e", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
			for _, b := range strings.Fields(string(r.Body)) {
				if err := w.Send(ctx, asynccalls.NewResponse([]byte(r.Header.Get("x")+b))); err != nil {
					return err
				}
			}
			return nil
		})
		var l list
		client := newService(t, "client", d)
		refused := errors.New("refused")
		client.UseCalls(func(next asynccalls.Caller) asynccalls.Caller {
			return func(ctx context.Context, r *asynccalls.Request) iter.Seq2[*asynccalls.Response, error] {
				l.add("outer")
				if r.Key == "refuse" {
					return func(yield func(*asynccalls.Response, error) bool) { yield(nil, refused) }
				}
				if r.Key == "nothing" {
					return nil
				}
				return next(ctx, r)
			}
		})
		client.UseCalls(func(next asynccalls.Caller) asynccalls.Caller {
			return func(ctx context.Context, r *asynccalls.Request) iter.Seq2[*asynccalls.Response, error] {
				l.add("inner")
				r.Header.Add("x", "y")
				responses := next(ctx, r)
				return func(yield func(*asynccalls.Response, error) bool) {
					defer l.add("over")
					for resp, err := range responses {
						if err == nil && string(resp.Body) == "yskip" {
							continue
						}
						if !yield(resp, err) {
							return
						}
					}
				}
			}
		})
		request := func(key, body string) *asynccalls.Request {
			r := asynccalls.NewRequest("server", "/e", []byte(body))
			r.Key = key
			return r
		}
		ctx := t.Context()
		c := client.Call(ctx, request("", "a skip b"))
		if diff := cmp.Diff([]string{"outer", "inner"}, l.all()); diff != "" {
			t.Errorf("after Call (-want +got):\n%s", diff)
		}
		checkEnd(t, c, []string{"ya", "yb"}, nil)
		if _, err := collect(c); err == nil || !strings.Contains(err.Error(), "read before") {
			t.Errorf("read a second time: %v", err)
		}
		checkEnd(t, client.Call(ctx, request("refuse", "a")), nil, refused)
		if _, err := collect(client.Call(ctx, request("nothing", "a"))); err == nil || !strings.Contains(err.Error(), "a middleware has returned no responses") {
			t.Errorf("a middleware without responses: %v", err)
		}
		for body, want := range map[string]string{
			"a": "ya", "skip": "not exactly one response: got none", "a skip": "ya", "a b": "not exactly one response: got another",
		} {
			r, err := client.CallOne(ctx, request("", body))
			if err == nil {
				err = errors.New(string(r.Body))
			}
			if !strings.Contains(err.Error(), want) {
				t.Errorf("CallOne of %q: %v, want %q", body, err, want)
			}
		}
		if _, err := client.CallOne(ctx, request("refuse", "")); !errors.Is(err, refused) {
			t.Errorf("CallOne: %v, want %v", err, refused)
		}
		for range client.Call(ctx, request("", "a b c")).Responses() {
			break
		}
		if got := l.all(); got[len(got)-1] != "over" {
			t.Errorf("leaving the loop did not end the call: %q", got)
		}
		if err := client.Notify(ctx, request("refuse", "")); err != nil {
			t.Errorf("Notify went through the middleware: %v", err)
		}
	})
}

// TestUseCallsOfOne has middleware do what it likes with the responses of CallOne: none
// of the calls is pending after it.
func TestUseCallsOfOne(t *testing.T) {
	t.Parallel()
	type responses = iter.Seq2[*asynccalls.Response, error]
	tests := map[string]struct {
		endpoint string
		wrap     func(ctx context.Context, r *asynccalls.Request, next asynccalls.Caller) responses
		want     string
	}{
		"passes on": {"/echo", func(ctx context.Context, r *asynccalls.Request, next asynccalls.Caller) responses {
			return next(ctx, r)
		}, "hello"},
		"waits": {"/silent", func(ctx context.Context, r *asynccalls.Request, next asynccalls.Caller) responses {
			return next(ctx, r)
		}, "context deadline exceeded"},
		"waits before it reads": {"/silent", func(ctx context.Context, r *asynccalls.Request, next asynccalls.Caller) responses {
			all := next(ctx, r)
			<-ctx.Done()
			return all
		}, "context deadline exceeded"},
		"does not read": {"/silent", func(ctx context.Context, r *asynccalls.Request, next asynccalls.Caller) responses {
			next(ctx, r)
			return func(yield func(*asynccalls.Response, error) bool) {
				yield(asynccalls.NewResponse([]byte("cached")), nil)
			}
		}, "cached"},
		"refuses after it has sent": {"/silent", func(ctx context.Context, r *asynccalls.Request, next asynccalls.Caller) responses {
			next(ctx, r)
			return nil
		}, "a middleware has returned no responses"},
		"sends another": {"/echo", func(ctx context.Context, r *asynccalls.Request, next asynccalls.Caller) responses {
			return next(ctx, asynccalls.NewRequest(r.Service, r.Endpoint, []byte("another")))
		}, "another"},
		"sends it twice": {"/echo", func(ctx context.Context, r *asynccalls.Request, next asynccalls.Caller) responses {
			next(ctx, r)
			return next(ctx, r)
		}, "sent before"},
		"reads twice": {"/echo", func(ctx context.Context, r *asynccalls.Request, next asynccalls.Caller) responses {
			all := next(ctx, r)
			for range all {
				continue
			}
			return all
		}, "read before"},
		"does not stop": {"/echo", func(ctx context.Context, r *asynccalls.Request, next asynccalls.Caller) responses {
			return func(yield func(*asynccalls.Response, error) bool) {
				for resp := range next(ctx, r) {
					for range 3 {
						yield(resp, nil)
					}
				}
				yield(nil, nil)
			}
		}, "got another"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world(t, func(t *testing.T, d *faulty) {
				server := newService(t, "server", d)
				server.Handle("/echo", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
					return w.Send(ctx, asynccalls.NewResponse(r.Body))
				})
				server.Handle("/silent", func(ctx context.Context, _ asynccalls.ResponseWriter, _ *asynccalls.Request) error {
					<-ctx.Done()
					return context.Cause(ctx)
				})
				listen(t, server)
				client := newService(t, "client", d)
				client.UseCalls(func(next asynccalls.Caller) asynccalls.Caller {
					return func(ctx context.Context, r *asynccalls.Request) responses { return tt.wrap(ctx, r, next) }
				})
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				resp, err := client.CallOne(ctx, asynccalls.NewRequest("server", tt.endpoint, []byte("hello")))
				if err == nil {
					err = errors.New(string(resp.Body))
				}
				if !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %q, want %q", err, tt.want)
				}
				synctest.Wait() // until the lane, too, has seen that the call is over
				stats, err := client.Stats(t.Context())
				if err != nil || stats.Pending != 0 {
					t.Errorf("%d calls are pending, error %v", stats.Pending, err)
				}
			})
		})
	}
}

// TestUseCallsAround has a middleware read what another within it has not returned.
func TestUseCallsAround(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		client := newService(t, "client", d)
		client.UseCalls(func(next asynccalls.Caller) asynccalls.Caller {
			return func(ctx context.Context, r *asynccalls.Request) iter.Seq2[*asynccalls.Response, error] {
				return func(yield func(*asynccalls.Response, error) bool) {
					for resp, err := range next(ctx, r) {
						if !yield(resp, err) {
							return
						}
					}
				}
			}
		}, func(asynccalls.Caller) asynccalls.Caller {
			return func(context.Context, *asynccalls.Request) iter.Seq2[*asynccalls.Response, error] { return nil }
		})
		_, one := client.CallOne(t.Context(), asynccalls.NewRequest("server", "/e", nil))
		_, all := collect(client.Call(t.Context(), asynccalls.NewRequest("server", "/e", nil)))
		for what, err := range map[string]error{"CallOne": one, "Call": all} {
			if err == nil || !strings.Contains(err.Error(), "call server/e: a middleware has returned no responses") {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

// TestUseCallsTogether adds a middleware while another is being added: none is
// forgotten.
func TestUseCallsTogether(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		serve(t, d, "server", "/e", reply(nil, "a"))
		client := newService(t, "client", d)
		var l list
		through := func(name string) asynccalls.CallMiddleware {
			return func(next asynccalls.Caller) asynccalls.Caller {
				return func(ctx context.Context, r *asynccalls.Request) iter.Seq2[*asynccalls.Response, error] {
					l.add(name)
					return next(ctx, r)
				}
			}
		}
		added := false
		client.UseCalls(func(next asynccalls.Caller) asynccalls.Caller {
			if !added {
				added = true
				client.UseCalls(through("second"))
			}
			return through("first")(next)
		})
		checkEnd(t, client.Call(t.Context(), asynccalls.NewRequest("server", "/e", nil)), []string{"a"}, nil)
		if diff := cmp.Diff([]string{"first", "second"}, l.all()); diff != "" {
			t.Errorf("the call went through (-want +got):\n%s", diff)
		}
	})
}

// TestUseIsChecked has middleware that cannot be used.
func TestUseIsChecked(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		panics := func(want string, f func()) {
			t.Helper()
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
					t.Errorf("panicked with %q, want %q", got, want)
				}
			}()
			f()
		}
		s := newService(t, "server", d)
		s.Handle("/e", reply(nil))
		panics("middleware 1 is nil", func() { s.Use(noting(new(list), ""), nil) })
		panics("middleware 0 is nil", func() { s.UseResponses(nil) })
		panics("middleware 0 is nil", func() { s.UseCalls(nil) })
		listen(t, s)
		panics("has begun to listen", func() { s.Use(noting(new(list), "")) })
		panics("has begun to listen", func() { s.UseResponses() })
		panics("has begun to listen", func() { s.UseCalls() })

		empty := newStubborn(t, "empty", d)
		empty.Handle("/e", reply(nil))
		empty.Use(func(asynccalls.Handler) asynccalls.Handler { return nil })
		if err := empty.Listen(t.Context()); err == nil || !strings.Contains(err.Error(), "a middleware has returned no handler for /e") {
			t.Errorf("Listen: %v", err)
		}
		empty = newStubborn(t, "empty", d)
		empty.HandleResponses("server", "/e", func(context.Context, *asynccalls.Response) error { return nil })
		empty.UseResponses(func(asynccalls.ResponseHandler) asynccalls.ResponseHandler { return nil })
		if err := empty.Listen(t.Context()); err == nil || !strings.Contains(err.Error(), "no handler for responses of server/e") {
			t.Errorf("Listen: %v", err)
		}
	})
}

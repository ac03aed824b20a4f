package asynccalls_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
)

// TestBeforeSend changes and refuses requests: a refusal is the error of the sender,
// and nothing is sent (5.1).
func TestBeforeSend(t *testing.T) {
	t.Parallel()
	errInvalid := errors.New("no amount")
	for _, mode := range []string{"call", "call one", "send", "notify"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			world(t, func(t *testing.T, d *faulty) {
				var l list
				serve(t, d, "server", "/e", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
					l.add(string(r.Body) + r.Header.Get("x"))
					return reply(nil, "a")(ctx, w, r)
				})
				var outcomes list
				client := newService(t, "client", d, asynccalls.Hooks{
					BeforeSend: func(_ context.Context, r *asynccalls.Request) error {
						r.Header.Set("x", r.Header.Get("x")+"1")
						return nil
					},
					AfterSend: func(_ context.Context, _ *asynccalls.Request, _ asynccalls.Source, err error) {
						outcomes.add(fmt.Sprint(err))
					},
				})
				client.UseHooks(asynccalls.Hooks{}, asynccalls.Hooks{BeforeSend: func(_ context.Context, r *asynccalls.Request) error {
					r.Header.Set("x", r.Header.Get("x")+"2")
					if len(r.Body) == 0 {
						return errInvalid
					}
					return nil
				}})
				client.HandleResponses("server", "/e", func(context.Context, *asynccalls.Response) error { return nil })
				send := map[string]func(r *asynccalls.Request) error{
					"call":     func(r *asynccalls.Request) error { return second(collect(client.Call(t.Context(), r))) },
					"call one": func(r *asynccalls.Request) error { return second(client.CallOne(t.Context(), r)) },
					"send":     func(r *asynccalls.Request) error { return client.Send(t.Context(), r) },
					"notify":   func(r *asynccalls.Request) error { return client.Notify(t.Context(), r) },
				}[mode]
				r := asynccalls.NewRequest("server", "/e", nil)
				if err := send(r); !errors.Is(err, errInvalid) {
					t.Errorf("error %v, want %v", err, errInvalid)
				}
				r.Body = []byte("body")
				if err := send(r); err != nil { // a request that was refused may be mended
					t.Error(err)
				}
				if err := send(r); err == nil || r.Header.Get("x") != "1212" {
					t.Errorf("error %v, header %q: a request that was sent is not to be changed", err, r.Header.Get("x"))
				}
				elapse(time.Second)
				if diff := cmp.Diff([]string{"body1212"}, l.all()); diff != "" {
					t.Errorf("received (-want +got):\n%s", diff)
				}
				want := []string{"refused before it was sent: no amount", "<nil>"} // one for each BeforeSend
				if diff := cmp.Diff(want, outcomes.all()); diff != "" {
					t.Errorf("outcomes (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestBeforeReceive changes and refuses requests that were received: the table of 2.5
// (5.1).
func TestBeforeReceive(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err   error
		calls int    // of the hook, if the request is durable or one-way
		end   string // of an awaited call
		dead  bool
	}{
		"passes":      {nil, 1, "[body!] <nil>", false},
		"refuses":     {errors.New("no amount"), 1, "status 400: no amount", true},
		"status":      {&asynccalls.Error{Status: 422, Message: "amount"}, 1, "status 422: amount", true},
		"no status":   {&asynccalls.Error{Status: 200, Message: "odd"}, 1, "status 400: status 200: odd", true},
		"fails":       {&asynccalls.Error{Status: 500, Message: "broken"}, 3, "status 500: broken", true},
		"drops":       {asynccalls.Drop(errors.New("old")), 1, "[] <nil>", false},
		"passes then": {asynccalls.Unavailable(errors.New("away")), 2, "status 503: unavailable", false},
	}
	for name, tt := range tests {
		for _, mode := range []string{"awaited", "durable", "one-way"} {
			t.Run(name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				world(t, func(t *testing.T, d *faulty) {
					var l list
					calls := 0
					s := newService(t, "server", d, asynccalls.Retry{Attempts: 3}, asynccalls.Hooks{
						BeforeReceive: func(ctx context.Context, r *asynccalls.Request) error {
							if asynccalls.RequestFrom(ctx) != r {
								t.Error("the context is not that of the request")
							}
							if calls++; name == "passes then" && calls == 2 {
								return nil
							}
							r.Body = append(r.Body, '!')
							return tt.err
						},
					})
					s.Handle("/e", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
						l.add(fmt.Sprint(r.Attempt))
						if name == "passes" && mode != "awaited" && r.Attempt == 1 {
							return errors.New("again") // the hook is not called again
						}
						return reply(nil, string(r.Body))(ctx, w, r)
					})
					listen(t, s)
					client := newService(t, "client", d)
					client.HandleResponses("server", "/e", func(context.Context, *asynccalls.Response) error { return nil })
					end := sendAs(t, client, mode, asynccalls.NewRequest("server", "/e", []byte("body")))
					elapse(5 * time.Minute)
					want := tt.calls
					if mode == "awaited" {
						want = 1
						if end != tt.end {
							t.Errorf("the call ended with %s, want %s", end, tt.end)
						}
					}
					if calls != want {
						t.Errorf("the hook was called %d times, want %d", calls, want)
					}
					if n := len(read(t, d, "server.dead")); (n == 1) != (tt.dead && mode != "awaited") {
						t.Errorf("%d dead letters, want %t", n, tt.dead)
					}
					if n := len(l.all()); (n > 0) != (name == "passes" || name == "passes then" && mode != "awaited") {
						t.Errorf("the handler was called %d times", n)
					}
				})
			})
		}
	}
}

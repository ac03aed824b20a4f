package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
)

// show answers with four responses, and fails once after the first of them.
func show(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
	for i := range 4 {
		if err := w.Send(ctx, asynccalls.NewResponse(fmt.Appendf(nil, "response %d", i))); err != nil {
			return err
		}
		if i == 0 && r.Attempt == 1 {
			return errors.New("no luck")
		}
	}
	return nil
}

// TestTrace follows a call with four responses and one retry: one trace, span by span.
func TestTrace(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d driver.Driver, spans *recorder) {
		server := spans.newService(t, "money", d, asynccalls.Topics{Partitions: 1}, asynccalls.Retry{Awaited: true})
		server.Handle("/show/{what}", show)
		listen(t, server)
		client := spans.newService(t, "client", d, asynccalls.WithReplyOrdinal(0))
		got, err := read(client.Call(t.Context(), asynccalls.NewRequest("money", "/show/all", []byte("please"))))
		if got != 4 || err != nil {
			t.Fatalf("got %d responses, %v, want 4", got, err)
		}
		spans.check(t, "call", true)
	})
}

// TestSendSpan looks at the attributes of what Send does.
func TestSendSpan(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d driver.Driver, spans *recorder) {
		serve(t, d, spans)
		client := spans.newService(t, "client", d, asynccalls.Topics{Partitions: 1})
		send(t, client.Notify, "/fails")
		spans.check(t, "send", true)
	})
}

// TestCallsSend has middleware of calls send something else by the context of the
// call: that is not the call.
func TestCallsSend(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d driver.Driver, spans *recorder) {
		serve(t, d, spans)
		client := spans.newService(t, "client", d)
		client.UseCalls(func(next asynccalls.Caller) asynccalls.Caller {
			return func(ctx context.Context, r *asynccalls.Request) iter.Seq2[*asynccalls.Response, error] {
				if err := client.Notify(ctx, asynccalls.NewRequest("money", "/dropped", nil)); err != nil {
					t.Error(err)
				}
				return next(ctx, r)
			}
		})
		_, err := client.CallOne(t.Context(), asynccalls.NewRequest("money", "/taken", nil))
		wantStatus(t, err, 409)
		spans.check(t, "calls-send", false)
	})
}

// read reads a call to its end.
func read(c *asynccalls.Call) (responses int, err error) {
	for _, err := range c.Responses() {
		if err != nil {
			return responses, err
		}
		responses++
	}
	return responses, nil
}

// TestSpans has what goes another way leave its spans.
func TestSpans(t *testing.T) {
	t.Parallel()
	tests := map[string]func(t *testing.T, client *asynccalls.Service){
		"durable": func(t *testing.T, client *asynccalls.Service) {
			send(t, client.Send, "/show/all")
		},
		"durable, failed": func(t *testing.T, client *asynccalls.Service) {
			send(t, client.Send, "/fails")
		},
		"one-way": func(t *testing.T, client *asynccalls.Service) {
			send(t, client.Notify, "/show/all")
		},
		"one-way, unknown endpoint": func(t *testing.T, client *asynccalls.Service) {
			send(t, client.Notify, "/unknown")
		},
		"one-way, dropped": func(t *testing.T, client *asynccalls.Service) {
			send(t, client.Notify, "/dropped")
		},
		"no such service": func(t *testing.T, client *asynccalls.Service) {
			err := client.Notify(t.Context(), asynccalls.NewRequest("nobody", "/show", nil))
			wantError(t, err, asynccalls.ErrNoService)
			_, err = client.CallOne(t.Context(), asynccalls.NewRequest("nobody", "/show", nil))
			wantError(t, err, asynccalls.ErrNoService)
		},
		"call, refused by a hook": func(t *testing.T, client *asynccalls.Service) {
			_, err := client.CallOne(t.Context(), asynccalls.NewRequest("money", "/refused", nil))
			wantStatus(t, err, 403)
		},
		"call, panic": func(t *testing.T, client *asynccalls.Service) {
			_, err := client.CallOne(t.Context(), asynccalls.NewRequest("money", "/panics", nil))
			wantStatus(t, err, 500)
		},
		"call, deadline": func(t *testing.T, client *asynccalls.Service) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := client.CallOne(ctx, asynccalls.NewRequest("money", "/slow", nil))
			wantError(t, err, context.DeadlineExceeded)
			elapse(time.Minute)
		},
		"call, left early": func(t *testing.T, client *asynccalls.Service) {
			for range client.Call(t.Context(), asynccalls.NewRequest("money", "/show/all", nil)).Responses() {
				break
			}
			elapse(time.Minute)
		},
		"call, nobody reads": func(t *testing.T, client *asynccalls.Service) {
			ctx, cancel := context.WithCancel(t.Context())
			client.Call(ctx, asynccalls.NewRequest("money", "/show/all", nil))
			elapse(time.Second)
			cancel()
		},
		"call, nested": func(t *testing.T, client *asynccalls.Service) {
			if _, err := client.CallOne(t.Context(), asynccalls.NewRequest("money", "/nested", nil)); err != nil {
				t.Fatal(err)
			}
		},
		"call, sent twice": func(t *testing.T, client *asynccalls.Service) {
			r := asynccalls.NewRequest("money", "/taken", nil)
			_, err := client.CallOne(t.Context(), r)
			wantStatus(t, err, 409)
			if _, err := client.CallOne(t.Context(), r); err == nil {
				t.Error("the same request was sent twice")
			}
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world(t, func(t *testing.T, d driver.Driver, spans *recorder) {
				serve(t, d, spans)
				client := spans.newService(t, "client", d, asynccalls.Topics{Partitions: 1}, asynccalls.WithReplyOrdinal(0))
				client.HandleResponses("money", "/{path...}", func(context.Context, *asynccalls.Response) error { return nil })
				listen(t, client)
				test(t, client)
				spans.check(t, file(name), false)
			})
		})
	}
}

// serve starts the service that tests call.
func serve(t *testing.T, d driver.Driver, spans *recorder) {
	t.Helper()
	s := spans.newService(t, "money", d, asynccalls.Topics{Partitions: 1}, asynccalls.Retry{Attempts: 2}, asynccalls.Hooks{
		BeforeReceive: func(_ context.Context, r *asynccalls.Request) error {
			if r.Endpoint == "/refused" {
				return &asynccalls.Error{Status: 403, Message: "not for you"}
			}
			return nil
		},
	})
	answer := func(err error) asynccalls.Handler {
		return func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error { return err }
	}
	s.Handle("/show/{what}", show)
	s.Handle("/refused", answer(nil))
	s.Handle("/fails", answer(errors.New("broken")))
	s.Handle("/taken", answer(&asynccalls.Error{Status: 409, Message: "taken"}))
	s.Handle("/dropped", answer(asynccalls.Drop(errors.New("not needed"))))
	s.Handle("/panics", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
		var none []int
		_ = none[17] // it panics
		return nil
	})
	s.Handle("/slow", func(ctx context.Context, _ asynccalls.ResponseWriter, _ *asynccalls.Request) error {
		<-ctx.Done()
		return context.Cause(ctx)
	})
	s.Handle("/nested", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
		if _, err := s.CallOne(ctx, asynccalls.NewRequest("money", "/taken", nil)); err == nil {
			return errors.New("the nested call has not failed")
		}
		return w.Send(context.Background(), asynccalls.NewResponse(nil)) //nolint:usetesting // one without a span
	})
	listen(t, s)
}

// send sends a request, and waits until all has come of it that will.
func send(t *testing.T, send func(context.Context, ...*asynccalls.Request) error, endpoint string) {
	t.Helper()
	if err := send(t.Context(), asynccalls.NewRequest("money", endpoint, nil)); err != nil {
		t.Fatal(err)
	}
	elapse(time.Minute)
}

// elapse lets virtual time pass.
func elapse(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("ended with %v, want %v", err, want)
	}
}

func wantStatus(t *testing.T, err error, want int) {
	t.Helper()
	if e, ok := errors.AsType[*asynccalls.Error](err); !ok || e.Status != want {
		t.Errorf("ended with %v, want status %d", err, want)
	}
}

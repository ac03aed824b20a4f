package asynccalls_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
)

// TestKafkaRule35Ends goes through all ways in which an awaited call ends: once,
// with the right error, and only in some at its deadline.
func TestKafkaRule35Ends(t *testing.T) {
	t.Parallel()
	tests := map[string]func(ctx context.Context, t *testing.T, w *tier){
		"unknown endpoint":     endUnknownEndpoint,
		"undecodable body":     endUndecodable,
		"expired":              endExpired,
		"deadline":             endDeadline,
		"canceled":             endCanceled,
		"left the loop":        endLeft,
		"client closed":        endClosed,
		"Listen ends":          endListen,
		"topic deleted":        endTopicDeleted,
		"responses deleted":    endResponsesDeleted,
		"broker away":          endBrokerAway,
		"driver closed":        endDriverClosed,
		"service absent":       endServiceAbsent,
		"response too large":   endResponseTooLarge,
		"server process ended": endServerEnded,
	}
	for name, e := range endings() {
		tests[name] = e.try
	}
	for name, f := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rule(t, f)
		})
	}
}

// hanging returns a handler that tells that it runs, and waits until free is called.
func hanging() (h asynccalls.Handler, started chan struct{}, free func()) {
	over := make(chan struct{})
	started = make(chan struct{}, 10)
	return func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
		started <- struct{}{}
		<-over
		return nil
	}, started, func() { close(over) }
}

func call(ctx context.Context, s *asynccalls.Service, endpoint string) *asynccalls.Call {
	return s.Call(ctx, asynccalls.NewRequest("server", endpoint, []byte("?")))
}

// endExpired calls while no server runs. The one that comes back does not start the
// handler, and goes on with the next request of the same key.
func endExpired(ctx context.Context, t *testing.T, w *tier) {
	w.dated(ctx, t)
	brief, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	old := w.new(t, "client", &past{w, time.Hour})
	req := asynccalls.NewRequest("server", "/e", []byte("expired"))
	req.Key = "k"
	checkEnd(t, old.Call(brief, req), nil, context.DeadlineExceeded)
	var started list
	w.serve(t, map[string]asynccalls.Handler{
		"/e": func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
			started.add(string(r.Body))
			return nil
		},
	})
	next := asynccalls.NewRequest("server", "/e", []byte("next"))
	next.Key = "k"
	checkEnd(t, w.client(t).Call(ctx, next), nil, nil)
	if got := started.all(); len(got) != 1 || got[0] != "next" {
		t.Errorf("handled %q, want only the next request", got)
	}
}

func endDeadline(ctx context.Context, t *testing.T, w *tier) {
	h, _, free := hanging()
	defer free()
	w.serve(t, map[string]asynccalls.Handler{"/e": h})
	client := w.client(t, asynccalls.Limits{Call: 300 * time.Millisecond})
	if err := client.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	limited := call(context.WithoutCancel(ctx), client, "/e")
	brief, cancel := context.WithTimeoutCause(ctx, 300*time.Millisecond, errCause)
	defer cancel()
	given := call(brief, client, "/e")
	checkEnd(t, limited, nil, context.DeadlineExceeded)
	checkEnd(t, given, nil, context.DeadlineExceeded)
}

func endCanceled(ctx context.Context, t *testing.T, w *tier) {
	h, started, free := hanging()
	defer free()
	w.serve(t, map[string]asynccalls.Handler{"/e": h})
	client := w.client(t)
	ctx1, cancel1 := context.WithCancel(ctx)
	ctx2, cancel2 := context.WithCancelCause(ctx)
	plain, caused := call(ctx1, client, "/e"), call(ctx2, client, "/e")
	one := make(chan error, 1)
	go func() { one <- second(client.CallOne(ctx1, asynccalls.NewRequest("server", "/e", nil))) }()
	for range 3 {
		next(ctx, t, started)
	}
	cancel1()
	cancel2(errCause)
	checkEnd(t, plain, nil, context.Canceled)
	checkEnd(t, caused, nil, errCause)
	checkError(t, next(ctx, t, one), context.Canceled)
	checkEnd(t, call(ctx1, client, "/e"), nil, context.Canceled)
}

func endLeft(ctx context.Context, t *testing.T, w *tier) {
	proceed := make(chan struct{})
	defer close(proceed)
	w.serve(t, map[string]asynccalls.Handler{
		"/e": func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
			if err := reply(nil, "a", "b")(ctx, w, r); err != nil {
				return err
			}
			<-proceed
			return nil
		},
	})
	client := w.client(t)
	c := call(ctx, client, "/e")
	for r, err := range c.Responses() {
		if err != nil || string(r.Body) != "a" {
			t.Errorf("the first response is %v, error %v", r, err)
		}
		break
	}
	if n := client.PendingCalls(); n != 0 {
		t.Errorf("%d calls are pending, want none", n)
	}
	if bodies, err := collect(c); len(bodies) != 0 || err == nil || !strings.Contains(err.Error(), "read before") {
		t.Errorf("reading again gave %q and %v, want an error that says so", bodies, err)
	}
}

func endClosed(ctx context.Context, t *testing.T, w *tier) {
	h, started, free := hanging()
	defer free()
	w.serve(t, map[string]asynccalls.Handler{"/e": h})
	client := w.client(t)
	c := call(ctx, client, "/e")
	next(ctx, t, started)
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	checkEnd(t, c, nil, asynccalls.ErrClosed)
	checkEnd(t, call(ctx, client, "/e"), nil, asynccalls.ErrClosed)
}

// endListen ends the Listen of a service that calls another one: a handler that
// waits for a call gets its responses, the call that nobody serves ends.
func endListen(ctx context.Context, t *testing.T, w *tier) {
	h, started, free := hanging()
	defer free()
	ending := make(chan struct{})
	w.serve(t, map[string]asynccalls.Handler{
		"/hanging": h,
		"/ending": func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
			<-ending
			return reply(nil, "a")(ctx, w, r)
		},
	})
	both := w.client(t)
	inHandler := make(chan error, 1)
	both.Handle("/e", func(ctx context.Context, _ asynccalls.ResponseWriter, _ *asynccalls.Request) error {
		c := call(ctx, both, "/ending")
		inHandler <- nil
		_, err := collect(c)
		inHandler <- err
		return nil
	})
	serving, stop := context.WithCancel(ctx)
	defer stop()
	result := make(chan error, 1)
	go func() { result <- both.Listen(serving) }()
	if err := both.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	outside := call(ctx, both, "/hanging")
	next(ctx, t, started)
	if err := both.Notify(ctx, asynccalls.NewRequest("client", "/e", nil)); err != nil {
		t.Fatal(err)
	}
	next(ctx, t, inHandler)
	stop()
	close(ending)
	if err := next(ctx, t, inHandler); err != nil {
		t.Errorf("the call of the handler ended with %v", err)
	}
	checkEnd(t, outside, nil, asynccalls.ErrClosed)
	if err := next(ctx, t, result); err != nil {
		t.Errorf("Listen ended with %v", err)
	}
	checkEnd(t, call(ctx, both, "/hanging"), nil, asynccalls.ErrClosed)
}

func endServiceAbsent(ctx context.Context, t *testing.T, w *tier) {
	client := w.client(t)
	req := asynccalls.NewRequest("server", "/e", nil)
	checkEnd(t, client.Call(ctx, req), nil, asynccalls.ErrNoService)
	w.serve(t, map[string]asynccalls.Handler{"/e": reply(nil, "a")})
	checkEnd(t, client.Call(ctx, req), []string{"a"}, nil) // it was certainly not sent: it may be
}

// TestKafkaRule35CallOne wants exactly one response.
func TestKafkaRule35CallOne(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		w.serve(t, map[string]asynccalls.Handler{
			"/none": reply(nil), "/one": reply(nil, "a"), "/two": reply(nil, "a", "b"), "/error": reply(errCause, "a"),
		})
		client := w.client(t)
		for endpoint, want := range map[string]error{
			"/none": asynccalls.ErrResponseCount, "/one": nil, "/two": asynccalls.ErrResponseCount,
			"/error": &asynccalls.Error{Status: 500, Message: "internal error"},
		} {
			r, err := client.CallOne(ctx, asynccalls.NewRequest("server", endpoint, nil))
			checkError(t, err, want)
			if (r == nil) != (err != nil) {
				t.Errorf("%s: got the response %v and the error %v, want one of them", endpoint, r, err)
			}
		}
	})
}

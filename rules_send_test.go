package asynccalls_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
)

// seen is what a handler knows of the time that its request has.
type seen struct {
	body     string
	ttl      time.Duration
	deadline time.Time
}

func seeing(to chan<- seen) asynccalls.Handler {
	return func(ctx context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
		deadline, _ := ctx.Deadline()
		to <- seen{string(r.Body), r.TTL, deadline}
		return nil
	}
}

// TestKafkaRule36TTL looks at the time that requests have: calls until the deadline
// of their context, calls of a handler what is left to it, others what they say.
func TestKafkaRule36TTL(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		got := make(chan seen, 10)
		s := w.new(t, "server", w)
		s.Handle("/e", seeing(got))
		s.Handle("/outer", func(ctx context.Context, _ asynccalls.ResponseWriter, _ *asynccalls.Request) error {
			deadline, _ := ctx.Deadline()
			got <- seen{"outer", time.Until(deadline), deadline}
			_, err := collect(call(ctx, s, "/e"))
			return err
		})
		listen(t, s)
		client := w.client(t, asynccalls.Limits{Call: 25 * time.Second})
		client.HandleResponses("server", "/", func(context.Context, *asynccalls.Response) error { return nil })

		checkEnd(t, call(context.WithoutCancel(ctx), client, "/e"), nil, nil)
		if r := next(ctx, t, got); r.ttl > 25*time.Second || r.ttl < 20*time.Second {
			t.Errorf("a call without a deadline has %v, want what is left of Limits.Call", r.ttl)
		}
		ten, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		end, _ := ten.Deadline()
		checkEnd(t, call(ten, client, "/e"), nil, nil)
		if r := next(ctx, t, got); r.ttl <= 0 || r.ttl > 10*time.Second || r.deadline.Before(end.Add(-time.Second)) {
			t.Errorf("a call with 10 s has %v until %v, want %v", r.ttl, r.deadline, end)
		}
		checkEnd(t, call(ten, client, "/outer"), nil, nil)
		outer, inner := next(ctx, t, got), next(ctx, t, got)
		if inner.ttl <= 0 || inner.ttl > outer.ttl+time.Millisecond {
			t.Errorf("the call of a handler that has %v left has %v", outer.ttl, inner.ttl)
		}
		for _, ttl := range []time.Duration{0, time.Hour} {
			durable, oneWay := asynccalls.NewRequest("server", "/e", nil), asynccalls.NewRequest("server", "/e", nil)
			durable.TTL, oneWay.TTL = ttl, ttl
			if err := errors.Join(client.Send(ten, durable), client.Notify(ten, oneWay)); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if r := next(ctx, t, got); r.ttl != ttl {
					t.Errorf("a request has %v, want %v", r.ttl, ttl)
				}
			}
		}
	})
}

// TestKafkaRule36Expired sends requests while no server runs. The one that comes
// an hour later starts only those that have not expired, and answers the others.
func TestKafkaRule36Expired(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		w.dated(ctx, t)
		client := w.new(t, "client", &past{w, time.Hour})
		answered := responses(client, "/e")
		listen(t, client)
		ids := make(map[string]string)
		var want []string
		for _, ttl := range []time.Duration{0, 10 * time.Second, 3 * time.Hour} {
			for _, mode := range []string{"durable", "one-way"} {
				req := asynccalls.NewRequest("server", "/e", []byte(fmt.Sprint(mode, " ", ttl)))
				req.Key, req.TTL = "k", ttl // with one key they are handled in this order
				ids[req.ID] = string(req.Body)
				sendAs(t, client, mode, req)
				if ttl != 10*time.Second {
					want = append(want, string(req.Body))
				}
			}
		}
		got := make(chan seen, 10)
		w.serve(t, map[string]asynccalls.Handler{"/e": seeing(got)})
		for _, body := range want {
			if r := next(ctx, t, got); r.body != body {
				t.Errorf("handled %q, want %q", r.body, body)
			}
		}
		r := next(ctx, t, answered)
		if ids[r.RequestID] != "durable 10s" || !r.End || r.Seq != 0 {
			t.Errorf("response %d to %q, end %t; want the end of the one that has expired", r.Seq, ids[r.RequestID], r.End)
		}
		checkStatus(t, r.Err(), 504, "the request expired before it was started")
		if n := len(w.all(t, "server.dead")); n != 0 {
			t.Errorf("%d dead letters, want none", n)
		}
	})
}

// TestKafkaRule41Acknowledged finds what was sent in its topic as soon as Send or
// Notify is nil. While the broker does not answer, the outcome is unknown, and the
// request is written once when it is back.
func TestKafkaRule41Acknowledged(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		w.serve(t, map[string]asynccalls.Handler{"/e": reply(nil)})
		l := w.connect(t)
		client := w.new(t, "client", l)
		responses(client, "/e")
		written := 0
		modes := map[string]func(context.Context, ...*asynccalls.Request) error{"send": client.Send, "notify": client.Notify}
		check := func() {
			t.Helper()
			if n := len(w.all(t, "server.requests")); n != written {
				t.Errorf("%d requests are in the topic, want %d", n, written)
			}
		}
		for mode, send := range modes {
			if err := send(ctx, asynccalls.NewRequest("server", "/e", nil), asynccalls.NewRequest("server", "/e", nil)); err != nil {
				t.Fatal(err)
			}
			written += 2
			check()
			over, cancel := context.WithCancel(ctx)
			cancel()
			err := send(over, asynccalls.NewRequest("server", "/e", nil))
			if !errors.Is(err, context.Canceled) || errors.Is(err, asynccalls.ErrUnknownOutcome) {
				t.Errorf("%s with a context that has ended gave %v, want a known outcome", mode, err)
			}
			l.cut()
			brief, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
			defer cancel()
			req := asynccalls.NewRequest("server", "/e", nil)
			err = send(brief, req)
			if !errors.Is(err, asynccalls.ErrUnknownOutcome) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s gave %v, want ErrUnknownOutcome and the deadline", mode, err)
			}
			if one, ok := errors.AsType[*asynccalls.SendError](err); !ok || one.Request != req {
				t.Errorf("%s: the error %v does not say which request it is about", mode, err)
			}
			checkSentBefore(t, send(ctx, req))
			l.mend()
			written += 2
			if err := send(ctx, asynccalls.NewRequest("server", "/e", nil)); err != nil {
				t.Fatal(err)
			}
			check()
		}
	})
}

func checkSentBefore(t *testing.T, err error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), "the request was sent before") {
		t.Errorf("sending a request again gave %v, want an error that says so", err)
	}
}

// TestKafkaRule42SentOnce sends requests again, in all ways: they are refused, and
// nothing is written.
func TestKafkaRule42SentOnce(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		w.serve(t, map[string]asynccalls.Handler{"/e": reply(nil, "a")})
		client := w.client(t)
		responses(client, "/e")
		ways := []func(*asynccalls.Request) error{
			func(r *asynccalls.Request) error { return client.Send(ctx, r) },
			func(r *asynccalls.Request) error { return client.Notify(ctx, r) },
			func(r *asynccalls.Request) error { return second(collect(client.Call(ctx, r))) },
			func(r *asynccalls.Request) error { return second(client.CallOne(ctx, r)) },
		}
		for _, first := range ways {
			req := asynccalls.NewRequest("server", "/e", nil)
			if err := first(req); err != nil {
				t.Fatal(err)
			}
			for _, again := range ways {
				checkSentBefore(t, again(req))
			}
		}
		req := asynccalls.NewRequest("server", "/e", nil)
		checkSentBefore(t, client.Notify(ctx, req, req))
		if n := len(w.all(t, "server.requests")); n != len(ways)+1 {
			t.Errorf("%d requests were written, want %d", n, len(ways)+1)
		}
	})
}

// TestKafkaRule42IDs makes requests in many goroutines, and IDs as other processes
// do: no two are the same.
func TestKafkaRule42IDs(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	ids := make(map[string]bool)
	var wg sync.WaitGroup
	for i := range 16 {
		newID := func() string { return asynccalls.NewRequest("server", "/e", nil).ID }
		if i%2 == 1 {
			newID = asynccalls.NewIDs()
		}
		wg.Go(func() {
			own := make([]string, 5000)
			for i := range own {
				own[i] = newID()
			}
			mu.Lock()
			defer mu.Unlock()
			for _, id := range own {
				if ids[id] {
					t.Errorf("the ID %q was made twice", id)
				}
				ids[id] = true
			}
		})
	}
	wg.Wait()
}

// TestKafkaRule43TooLarge sends a request that is too large between others.
func TestKafkaRule43TooLarge(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		w.serve(t, map[string]asynccalls.Handler{"/e": reply(nil, "a")})
		client := w.client(t)
		responses(client, "/e")
		check := func(err error) {
			t.Helper()
			if large, ok := errors.AsType[*asynccalls.TooLargeError](err); !ok || large.Limit != 1_048_588 {
				t.Errorf("got %v, want a TooLargeError with the limit of the topic", err)
			}
		}
		var want []string
		for mode, send := range map[string]func(context.Context, ...*asynccalls.Request) error{
			"send": client.Send, "notify": client.Notify,
		} {
			var batch []*asynccalls.Request
			for _, body := range []string{"1", "2", strings.Repeat("3", 2<<20), "4", "5"} {
				batch = append(batch, asynccalls.NewRequest("server", "/e", []byte(body)))
				if len(body) == 1 {
					want = append(want, batch[len(batch)-1].ID+" "+body)
				}
			}
			err := send(ctx, batch...)
			check(err)
			if one, ok := errors.AsType[*asynccalls.SendError](err); !ok || one.Request != batch[2] {
				t.Errorf("%s: the first failure is %v, want that of the large request", mode, err)
			}
			if joined, ok := err.(interface{ Unwrap() []error }); !ok || len(joined.Unwrap()) != 1 {
				t.Errorf("%s: got %v, want one failure", mode, err)
			}
		}
		large := asynccalls.NewRequest("server", "/e", make([]byte, 2<<20))
		check(second(client.CallOne(ctx, large)))
		large.Body = []byte("small") // it was not sent: it may be
		want = append(want, large.ID+" small")
		checkEnd(t, client.Call(ctx, large), []string{"a"}, nil)
		var got []string
		for _, r := range w.all(t, "server.requests") {
			got = append(got, strings.Fields(string(r.Headers[0].Value))[2]+" "+string(r.Value))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("requests written (-want +got):\n%s", diff)
		}
	})
}

// TestKafkaRule44Batches sends from many goroutines at once: all requests are
// written, and where there are batches, they share them. That a single sender does
// not wait for others is left to the tests of the driver.
func TestKafkaRule44Batches(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		const senders, each = 64, 20
		w.dated(ctx, t)
		l := w.connect(t)
		client := w.new(t, "client", l)
		if err := client.Notify(ctx, asynccalls.NewRequest("server", "/e", nil)); err != nil {
			t.Fatal(err)
		}
		before := l.produced()
		var wg sync.WaitGroup
		for range senders {
			wg.Go(func() {
				for range each {
					if err := client.Notify(ctx, asynccalls.NewRequest("server", "/e", nil)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		batches := l.produced() - before
		t.Logf("%d requests were written in %d batches", senders*each, batches)
		if batches > senders*each/4 {
			t.Errorf("%d requests were written in %d batches, want at most a quarter", senders*each, batches)
		}
		ids := make(map[string]bool)
		for _, r := range w.all(t, "server.requests") {
			ids[strings.Fields(string(r.Headers[0].Value))[2]] = true
		}
		if len(ids) != senders*each+1 {
			t.Errorf("%d requests are in the topic, want %d", len(ids), senders*each+1)
		}
	})
}

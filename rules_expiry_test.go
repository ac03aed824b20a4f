package asynccalls_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
)

// past is a line whose records are older than they are, if their topic lets it say
// when they were sent.
type past struct {
	line
	age time.Duration
}

func (p *past) Publish(ctx context.Context, r *driver.Record, done func(*driver.Record, error)) {
	r.Time = time.Now().Add(-p.age)
	p.line.Publish(ctx, r, done)
}

// dated creates the topic of the server's requests so that it keeps their times.
func (w *tier) dated(ctx context.Context, t *testing.T) {
	t.Helper()
	if err := w.Create(ctx, driver.Topic{Name: w.topics.Prefix + "server.requests", Partitions: 1}); err != nil {
		t.Fatal(err)
	}
}

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

// TestKafkaRule36Nested has handlers that call the next one with their own contexts:
// none has more time than the one before, and all end when the first caller's time is
// over.
func TestKafkaRule36Nested(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		const deepest = 4
		got, ended := make(chan seen, deepest), make(chan error, 1)
		over := make(chan struct{}) // closed when the first call has ended
		defer close(over)
		s := w.new(t, "server", w)
		s.Handle("/{depth}", func(ctx context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
			deadline, _ := ctx.Deadline()
			got <- seen{string(r.Body), r.TTL, deadline}
			depth, err := strconv.Atoi(r.PathValue("depth"))
			if depth < deepest {
				next := asynccalls.NewRequest("server", "/"+strconv.Itoa(depth+1), r.Body)
				err = second(collect(s.Call(ctx, next)))
			} else {
				if string(r.Body) == "wait" {
					<-ctx.Done()
					err = ctx.Err()
				}
				ended <- err
			}
			if err != nil {
				<-over // so that no failure arrives before the deadline
			}
			return err
		})
		listen(t, s)
		client := w.client(t)
		check := func(body string, limit time.Duration, want error) {
			t.Helper()
			brief, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			end, _ := brief.Deadline()
			checkEnd(t, client.Call(brief, asynccalls.NewRequest("server", "/1", []byte(body))), nil, want)
			if err := next(ctx, t, ended); !errors.Is(err, want) {
				t.Errorf("%s: the last handler ended with %v, want %v", body, err, want)
			}
			left := limit
			for depth := range deepest {
				r := next(ctx, t, got)
				// The way to the next one takes time too, and the deadline is that of the broker's clock.
				if r.ttl <= 0 || r.ttl > left+2*time.Millisecond || r.deadline.After(end.Add(5*time.Second)) {
					t.Errorf("%s: call %d has %v until %v, the one before had %v, and the first has until %v",
						body, depth, r.ttl, r.deadline, left, end)
				}
				left = r.ttl
			}
		}
		check("go", 20*time.Second, nil)
		check("wait", 3*time.Second, context.DeadlineExceeded)
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

// TestKafkaRule36Tolerance sends requests that have just expired. This is tried in
// virtual time only: no other lets one look at the edge.
func TestKafkaRule36Tolerance(t *testing.T) {
	t.Parallel()
	ruleInMemory(t, func(ctx context.Context, t *testing.T, w *tier) {
		w.dated(ctx, t)
		for age, body := range map[time.Duration]string{
			0: "new", 11_900 * time.Millisecond: "tolerated", 12_100 * time.Millisecond: "expired",
		} {
			req := asynccalls.NewRequest("server", "/e", []byte(body))
			req.TTL = 10 * time.Second
			if err := w.new(t, "client", &past{w, age}).Notify(ctx, req); err != nil {
				t.Fatal(err)
			}
		}
		var started list
		w.serve(t, map[string]asynccalls.Handler{
			"/e": func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
				started.add(string(r.Body))
				return nil
			},
		})
		elapse(time.Second)
		if diff := cmp.Diff([]string{"new", "tolerated"}, started.sorted()); diff != "" {
			t.Errorf("requests started (-want +got):\n%s", diff)
		}
	})
}

// TestKafkaRule36Future sends a request whose time is that of a clock that is ahead:
// it counts as the time at which it is received.
func TestKafkaRule36Future(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		w.dated(ctx, t)
		got := make(chan seen, 1)
		begin := time.Now()
		w.serve(t, map[string]asynccalls.Handler{"/e": seeing(got)})
		req := asynccalls.NewRequest("server", "/e", nil)
		req.TTL = 10 * time.Second
		if err := w.new(t, "client", &past{w, -30 * time.Minute}).Notify(ctx, req); err != nil {
			t.Fatal(err)
		}
		r := next(ctx, t, got)
		if r.deadline.Before(begin.Add(10*time.Second)) || r.deadline.After(time.Now().Add(10*time.Second)) {
			t.Errorf("the handler has time until %v, want until 10 s after it was started, after %v", r.deadline, begin)
		}
	})
}

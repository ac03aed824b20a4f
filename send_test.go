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
	"github.com/asynccalls/asynccalls/driver"
)

// gather registers a handler of responses that notes what it gets: the body, or
// the status of a failed call, or "end".
func gather(s *asynccalls.Service, o ...asynccalls.EndpointOption) *[]string {
	var got []string
	s.HandleResponses("server", "/{rest...}", func(_ context.Context, r *asynccalls.Response) error {
		switch {
		case r.Err() != nil:
			got = append(got, r.Err().Error())
		case r.End && r.Body == nil:
			got = append(got, "end")
		default:
			got = append(got, string(r.Body))
		}
		return nil
	}, o...)
	return &got
}

// TestSend goes through the ways in which a durable request can be answered (3.4
// and the table of 2.5).
func TestSend(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		handler asynccalls.Handler
		options []asynccalls.EndpointOption
		want    []string
		dead    int // dead letters of the server
	}{
		"none":           {reply(nil), nil, nil, 0},
		"none with ends": {reply(nil), []asynccalls.EndpointOption{asynccalls.WithEnds()}, []string{"end"}, 0},
		"many":           {reply(nil, "a", "b", "c"), nil, []string{"a", "b", "c"}, 0},
		"many with ends": {reply(nil, "a"), []asynccalls.EndpointOption{asynccalls.WithEnds()}, []string{"a", "end"}, 0},
		"last marked":    {last("a", "b"), nil, []string{"a", "b"}, 0},
		"status": {
			reply(&asynccalls.Error{Status: 409, Message: "taken"}, "a"), nil,
			[]string{"a", "status 409: taken"},
			0,
		},
		"plain error": {reply(errors.New("secret")), nil, []string{"status 500: internal error"}, 1},
		"server's status": {
			reply(&asynccalls.Error{Status: 503, Message: "full"}), nil, []string{"status 503: full"}, 1,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world(t, func(t *testing.T, d *faulty) {
				serve(t, d, "server", "/e", tt.handler)
				client := newService(t, "client", d)
				got := gather(client, tt.options...)
				listen(t, client)
				if err := client.Send(t.Context(), asynccalls.NewRequest("server", "/e", nil)); err != nil {
					t.Fatal(err)
				}
				elapse(time.Minute) // retries included
				if diff := cmp.Diff(tt.want, *got); diff != "" {
					t.Errorf("responses (-want +got):\n%s", diff)
				}
				if n := len(read(t, d, "server.dead")); n != tt.dead {
					t.Errorf("%d dead letters, want %d", n, tt.dead)
				}
			})
		})
	}
}

// TestNotify sends one-way requests: the handler may send responses, and they go
// nowhere.
func TestNotify(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		var got []string
		serve(t, d, "server", "/e", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
			got = append(got, string(r.Body))
			return w.Send(ctx, asynccalls.NewResponse([]byte("lost")))
		})
		client := newService(t, "client", d)
		a, b := asynccalls.NewRequest("server", "/e", []byte("a")), asynccalls.NewRequest("server", "/e", []byte("b"))
		a.Key, b.Key = "k", "k"
		if err := client.Notify(t.Context(), a, b); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if diff := cmp.Diff([]string{"a", "b"}, got); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
		topics, err := d.Topics(t.Context(), "client.replies", "client.responses")
		if err != nil || len(topics) != 0 {
			t.Errorf("topics %v exist, error %v; nobody needs them", topics, err)
		}
	})
}

// TestSendJoinsErrors sends good and bad requests at once: one error for each bad
// one, and the others arrive (4.3).
func TestSendJoinsErrors(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		var got []string
		serve(t, d, "server", "/e", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
			got = append(got, string(r.Body))
			return nil
		})
		client := newService(t, "client", d)
		gather(client)
		large := asynccalls.NewRequest("server", "/e", make([]byte, 2<<20))
		unhandled := asynccalls.NewRequest("other", "/e", nil)
		first, second := asynccalls.NewRequest("server", "/e", []byte("1")), asynccalls.NewRequest("server", "/e", []byte("2"))
		first.Key, second.Key = "k", "k"
		err := client.Send(t.Context(), first, large, unhandled, nil, second)
		var one *asynccalls.SendError
		if !errors.As(err, &one) || one.Request != large {
			t.Errorf("the first failure is %v, want that of the large request", err)
		}
		var tooLarge *asynccalls.TooLargeError
		if !errors.As(err, &tooLarge) || tooLarge.Limit == 0 {
			t.Errorf("got %v, want a TooLargeError with its limit", err)
		}
		for _, want := range []string{
			"send request " + large.ID + " to server/e: ", "no handler of responses of other matches \"/e\"",
			"send request: the request is nil",
		} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v lacks %q", err, want)
			}
		}
		synctest.Wait()
		if diff := cmp.Diff([]string{"1", "2"}, got); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	})
}

// TestSendFailures goes through the errors of 4.1 and 1.2.
func TestSendFailures(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		client := newService(t, "client", d)
		if err := client.Notify(t.Context(), asynccalls.NewRequest("nobody", "/e", nil)); !errors.Is(err, asynccalls.ErrNoService) {
			t.Errorf("got %v, want ErrNoService", err)
		}
		serve(t, d, "server", "/e", reply(nil))
		d.holdOutcomes(true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		req := asynccalls.NewRequest("server", "/e", nil)
		err := client.Notify(ctx, req)
		if !errors.Is(err, asynccalls.ErrUnknownOutcome) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want ErrUnknownOutcome and DeadlineExceeded", err)
		}
		d.holdOutcomes(false)
		if err := client.Notify(t.Context(), req); err == nil || !strings.Contains(err.Error(), "sent before") {
			t.Errorf("sending again after an unknown outcome gave %v", err)
		}
		d.onPublish(func(*driver.Record) error { return fmt.Errorf("closing: %w", driver.ErrUnknownOutcome) })
		req = asynccalls.NewRequest("server", "/e", nil)
		for i, want := range []string{"outcome unknown", "sent before"} {
			if err := client.Notify(t.Context(), req); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("try %d: got %v, want %q", i+1, err, want)
			}
		}
		d.onPublish(nil)
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		err = client.Notify(canceled, asynccalls.NewRequest("server", "/e", nil))
		if !errors.Is(err, context.Canceled) || errors.Is(err, asynccalls.ErrUnknownOutcome) {
			t.Errorf("got %v, want context.Canceled and a known outcome", err)
		}
		if n := len(read(t, d, "server.requests")); n != 1 {
			t.Errorf("%d requests were written, want 1", n)
		}
		if err := client.Close(); err != nil {
			t.Fatal(err)
		}
		if err := client.Notify(t.Context(), asynccalls.NewRequest("server", "/e", nil)); !errors.Is(err, asynccalls.ErrClosed) {
			t.Errorf("got %v after Close, want ErrClosed", err)
		}
	})
}

// TestExpiry serves requests that waited too long (3.6).
func TestExpiry(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		before := newService(t, "server", d)
		before.Handle("/e", reply(nil))
		listen(t, before) // makes the topic
		if err := before.Close(); err != nil {
			t.Fatal(err)
		}
		client := newService(t, "client", d)
		got := gather(client)
		listen(t, client)
		awaited := client.Call(t.Context(), asynccalls.NewRequest("server", "/e", []byte("awaited")))
		for _, ttl := range []time.Duration{0, 10 * time.Second, time.Hour} {
			durable := asynccalls.NewRequest("server", "/e", []byte("durable "+ttl.String()))
			oneway := asynccalls.NewRequest("server", "/e", []byte("one-way "+ttl.String()))
			durable.TTL, oneway.TTL = ttl, ttl
			if err := errors.Join(client.Send(t.Context(), durable), client.Notify(t.Context(), oneway)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := collect(awaited); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("call ended with %v, want its deadline", err)
		}
		pass(3 * time.Second) // the tolerance between clocks
		var started list
		serve(t, d, "server", "/e", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
			started.add(string(r.Body))
			return nil
		})
		synctest.Wait()
		want := []string{"durable 0s", "durable 1h0m0s", "one-way 0s", "one-way 1h0m0s"}
		if diff := cmp.Diff(want, started.sorted()); diff != "" {
			t.Errorf("started (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"status 504: the request expired before it was started"}, *got); diff != "" {
			t.Errorf("responses (-want +got):\n%s", diff)
		}
		if n := len(read(t, d, "server.dead")); n != 0 {
			t.Errorf("%d dead letters, want none", n)
		}
	})
}

// TestExpiryWhileHandled has handlers use up the time of their requests: those are
// not tried again, and nobody is told of a fault (3.6).
func TestExpiryWhileHandled(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		var runs list
		serve(t, d, "server", "/e", func(ctx context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
			runs.add(string(r.Body))
			<-ctx.Done()
			return fmt.Errorf("look up: %w", ctx.Err())
		})
		client := newService(t, "client", d)
		got := gather(client)
		listen(t, client)
		durable := asynccalls.NewRequest("server", "/e", []byte("durable"))
		oneway := asynccalls.NewRequest("server", "/e", []byte("one-way"))
		durable.TTL, oneway.TTL = 2*time.Second, 2*time.Second
		if err := errors.Join(client.Send(t.Context(), durable), client.Notify(t.Context(), oneway)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := collect(client.Call(ctx, asynccalls.NewRequest("server", "/e", []byte("awaited"))))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("call ended with %v, want its deadline", err)
		}
		elapse(time.Minute)
		if diff := cmp.Diff([]string{"awaited", "durable", "one-way"}, runs.sorted()); diff != "" {
			t.Errorf("runs (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"status 504: the request expired while it was handled"}, *got); diff != "" {
			t.Errorf("responses (-want +got):\n%s", diff)
		}
		if n := len(read(t, d, "server.dead")); n != 0 {
			t.Errorf("%d dead letters, want none", n)
		}
	})
}

// TestResponsesToNobody answers a caller whose topic is gone: the partition goes
// on (3.9).
func TestResponsesToNobody(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		serve(t, d, "server", "/e", reply(nil, "a"))
		publish(t, d, driver.Record{
			Topic: "server.requests", Partition: 0,
			Headers: []driver.Header{{Key: "ac", Value: []byte("1 c id-1 /e vanished 60000 3.X.0.1")}},
		})
		publish(t, d, driver.Record{
			Topic: "server.requests", Partition: 0, Value: []byte("durable"),
			Headers: []driver.Header{{Key: "ac", Value: []byte("1 s id-2 /e vanished")}},
		})
		pass(time.Second)
		committed := int64(-1)
		for _, p := range d.committed() {
			if p.Topic == "server.requests" && p.ID == 0 {
				committed = p.Offset
			}
		}
		if committed != 2 {
			t.Errorf("committed is %d, want 2", committed)
		}
		dead := read(t, d, "server.dead")
		if len(dead) != 1 || string(dead[0].Value) != "durable" {
			t.Errorf("dead letters are %v, want the durable request", dead)
		}
	})
}

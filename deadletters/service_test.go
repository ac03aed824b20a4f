package deadletters_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/deadletters"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/franz"
	"github.com/asynccalls/asynccalls/driver/memory"
	"github.com/asynccalls/asynccalls/embedded"
)

// tiers runs a test with real services: on the broker in memory in virtual time,
// on the Kafka broker inside the process and, if the environment names one, on
// Apache Kafka. topics keeps the tests apart.
func tiers(t *testing.T, f func(ctx context.Context, t *testing.T, d driver.Driver, topics asynccalls.Topics)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			d := memory.New()
			t.Cleanup(func() { d.Close() })
			f(t.Context(), t, d, asynccalls.Topics{Partitions: 1})
		})
	})
	seeds := map[string]func(t *testing.T) string{
		"embedded": func(t *testing.T) string {
			t.Helper()
			b, err := embedded.Start(embedded.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { b.Close() })
			return b.Addr()
		},
	}
	if addr := os.Getenv("ASYNCCALLS_KAFKA"); addr != "" {
		seeds["kafka"] = func(*testing.T) string { return addr }
	}
	for name, seed := range seeds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := franz.Open(seed(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { d.Close() })
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			t.Cleanup(cancel)
			f(ctx, t, d, asynccalls.Topics{Prefix: "test-" + rand.Text() + ".", Partitions: 1})
		})
	}
}

// serve starts a service, which is closed with the test.
func serve(tb testing.TB, d driver.Driver, id string, topics asynccalls.Topics, register func(*asynccalls.Service)) *asynccalls.Service {
	tb.Helper()
	s, err := asynccalls.New(id, d, topics)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("close %s: %v", id, err)
		}
	})
	register(s)
	go s.Listen(context.WithoutCancel(tb.Context())) // Close returns its error
	if err := s.Ready(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return s
}

// follow returns a function that waits for the next dead letter of a service
// whose topics have one partition.
func follow(ctx context.Context, tb testing.TB, d driver.Driver, topic string) func() {
	tb.Helper()
	r, err := d.Read(ctx, driver.Partition{Topic: topic}, 0)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { r.Close() })
	return func() {
		tb.Helper()
		buf := make([]driver.Record, 1)
		for {
			if _, err := r.Receive(ctx, buf); err != nil {
				tb.Fatal(err)
			}
			for _, h := range buf[0].Headers {
				if h.Key == "ac-dead" {
					return
				}
			}
		}
	}
}

func next[T any](ctx context.Context, tb testing.TB, from <-chan T) T {
	tb.Helper()
	select {
	case v := <-from:
		return v
	case <-ctx.Done():
		tb.Fatal("nothing came in time")
		panic("unreachable") //nolint:forbidigo // Fatal does not return
	}
}

// TestKafkaReplay has a handler fail, mends it, and replays: the request is
// handled with the same ID, and its responses reach the client.
func TestKafkaReplay(t *testing.T) {
	t.Parallel()
	tiers(t, func(ctx context.Context, t *testing.T, d driver.Driver, topics asynccalls.Topics) {
		var mended atomic.Bool
		handled := make(chan asynccalls.Request, 10)
		server := serve(t, d, "server", topics, func(s *asynccalls.Service) {
			s.Handle("/orders/{id}", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
				if !mended.Load() {
					return errors.New("no database")
				}
				handled <- asynccalls.Request{
					ID: r.ID, Service: r.Service, Endpoint: r.Endpoint, Key: r.Key, From: r.From, Header: r.Header, Body: r.Body,
					TTL: r.TTL, Attempt: r.Attempt,
				}
				return w.Send(ctx, asynccalls.NewResponse([]byte("packed")))
			})
		})
		responses := make(chan string, 10)
		client := serve(t, d, "client", topics, func(s *asynccalls.Service) {
			s.HandleResponses("server", "/", func(_ context.Context, r *asynccalls.Response) error {
				responses <- fmt.Sprintf("%s %d %s", r.RequestID, r.Status, r.Body)
				return nil
			})
		})
		died := follow(ctx, t, d, topics.Prefix+"server.dead")
		req := asynccalls.NewRequest("server", "/orders/17", []byte("two boxes"))
		req.Key, req.TTL = "17", time.Hour
		req.Header.Add("color", "blue")
		want := asynccalls.Request{
			ID: req.ID, Service: "server", Endpoint: "/orders/17", Key: "17", From: "client", Header: req.Header,
			Body: []byte("two boxes"), Attempt: 1,
		}
		if err := client.Send(ctx, req); err != nil {
			t.Fatal(err)
		}
		if got, want := next(ctx, t, responses), want.ID+" 500 "; !strings.HasPrefix(got, want) {
			t.Errorf("response is %q, want %q", got, want)
		}
		died()
		mended.Store(true)
		o := deadletters.Options{Prefix: topics.Prefix, Filter: deadletters.Filter{Endpoint: "/orders/*", Error: "database"}}
		checkTold(t, replayAll(t, d, o), "two boxes put back")
		if diff := cmp.Diff(want, next(ctx, t, handled), cmp.AllowUnexported(asynccalls.Request{})); diff != "" {
			t.Errorf("handled request (-want +got):\n%s", diff)
		}
		if got, want := next(ctx, t, responses), want.ID+" 200 packed"; got != want {
			t.Errorf("response is %q, want %q", got, want)
		}
		if results := replayAll(t, d, o); len(results) != 1 || results[0].Skipped == "" {
			t.Errorf("replayed a second time: %q", told(results))
		}
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestKafkaReplayGuard replays a message that fails for ever: after three times
// it is left alone.
func TestKafkaReplayGuard(t *testing.T) {
	t.Parallel()
	tiers(t, func(ctx context.Context, t *testing.T, d driver.Driver, topics asynccalls.Topics) {
		ids := make(chan string, 10)
		s := serve(t, d, "server", topics, func(s *asynccalls.Service) {
			s.Handle("/e", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
				ids <- r.ID
				return asynccalls.Permanent(errors.New("broken for ever"))
			})
		})
		died := follow(ctx, t, d, topics.Prefix+"server.dead")
		req := asynccalls.NewRequest("server", "/e", []byte("poison"))
		if err := s.Notify(ctx, req); err != nil {
			t.Fatal(err)
		}
		o := deadletters.Options{Prefix: topics.Prefix}
		for i := range 3 {
			died()
			results := replayAll(t, d, o)
			if len(results) != i+1 || told(results)[i] != "poison put back" {
				t.Fatalf("replay %d: %q, want the last letter put back", i+1, told(results))
			}
		}
		died()
		results := replayAll(t, d, o)
		want := "poison skipped: its message was replayed 3 times, and the limit is 3"
		if len(results) != 4 || told(results)[3] != want {
			t.Errorf("replay 4: %q, want %q at the end", told(results), want)
		}
		for range 4 {
			if id := next(ctx, t, ids); id != req.ID {
				t.Errorf("handled the request %q, want %q", id, req.ID)
			}
		}
		if len(ids) > 0 {
			t.Errorf("the request was handled %d times more", len(ids))
		}
	})
}

// TestKafkaReplayResponse replays a response whose handler failed.
func TestKafkaReplayResponse(t *testing.T) {
	t.Parallel()
	tiers(t, func(ctx context.Context, t *testing.T, d driver.Driver, topics asynccalls.Topics) {
		var mended atomic.Bool
		handled := make(chan string, 10)
		s := serve(t, d, "server", topics, func(s *asynccalls.Service) {
			s.Handle("/e", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
				resp := asynccalls.NewResponse([]byte("done"))
				resp.End = true
				return w.Send(ctx, resp)
			})
			s.HandleResponses("server", "/e", func(_ context.Context, r *asynccalls.Response) error {
				handled <- fmt.Sprintf("%s %d %s", r.RequestID, r.Seq, r.Body)
				if !mended.Load() {
					return errors.New("no database")
				}
				return nil
			})
		})
		died := follow(ctx, t, d, topics.Prefix+"server.dead")
		req := asynccalls.NewRequest("server", "/e", nil)
		if err := s.Send(ctx, req); err != nil {
			t.Fatal(err)
		}
		died()
		mended.Store(true)
		results := replayAll(t, d, deadletters.Options{Prefix: topics.Prefix})
		checkTold(t, results, "done put back")
		if l := results[0].Letter; l.RequestID != req.ID || l.Source.Topic != topics.Prefix+"server.responses" {
			t.Errorf("letter is %+v, want the response to %s", l, req.ID)
		}
		for range 2 {
			if got, want := next(ctx, t, handled), req.ID+" 0 done"; got != want {
				t.Errorf("handled the response %q, want %q", got, want)
			}
		}
	})
}

package asynccallstest_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/driver"
)

// notify sends a one-way request.
func notify(t testing.TB, b *asynccallstest.Broker, service, endpoint, key string) {
	t.Helper()
	r := asynccalls.NewRequest(service, endpoint, []byte(key))
	r.Key = key
	if err := b.Client().Notify(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

// TestSameEachTime has handlers of several services wake at the same time, many times, and
// compares what they send to the byte.
func TestSameEachTime(t *testing.T) {
	t.Parallel()
	var first string
	for range 100 {
		var transcript strings.Builder
		asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
			b.Fake("log", func(s *asynccalls.Service) { s.Handle("/{who}", asynccallstest.Script()) })
			for _, id := range []string{"one", "two", "three"} {
				b.Start(func(d driver.Driver) (*asynccalls.Service, error) {
					s, err := asynccalls.New(id, d)
					s.Handle("/e", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
						if err := asynccallstest.Script(time.Second, "soon", time.Second)(ctx, w, r); err != nil {
							return err
						}
						return s.Notify(ctx, asynccalls.NewRequest("log", "/"+id, r.Body))
					})
					return s, err
				})
			}
			for i := range 9 {
				notify(t, b, []string{"one", "two", "three"}[i%3], "/e", fmt.Sprint("key ", i))
			}
			b.Wait()
			for _, r := range b.Sent() {
				fmt.Fprintf(&transcript, "%s %s %s %s\n", r.ID, r.Service, r.Endpoint, r.Body)
			}
		})
		if first == "" {
			first = transcript.String()
		}
		if got := transcript.String(); got != first {
			t.Fatalf("this time\n%s\nthe first time\n%s", got, first)
		}
	}
	if n := strings.Count(first, "\n"); n != 18 {
		t.Errorf("%d requests were sent, want 18:\n%s", n, first)
	}
}

// TestNothingWaitsForTime has requests handled that may be handled only one after the
// other, without that any time passes.
func TestNothingWaitsForTime(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		limits asynccalls.Limits
		key    func(i int) string
	}{
		"one key":        {asynccalls.Limits{}, func(int) string { return "k" }},
		"one at a time":  {asynccalls.Limits{Concurrency: 1}, func(i int) string { return fmt.Sprint(i) }},
		"two of a batch": {asynccalls.Limits{Concurrency: 2}, func(i int) string { return fmt.Sprint(i / 2) }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
				var at []time.Duration
				begun := time.Now()
				done := make(chan struct{})
				b.Start(func(d driver.Driver) (*asynccalls.Service, error) {
					s, err := asynccalls.New("server", d, tt.limits)
					s.Handle("/e", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
						if at = append(at, time.Since(begun)); len(at) == 6 {
							close(done)
						}
						return nil
					})
					return s, err
				})
				for i := range 6 {
					notify(t, b, "server", "/e", tt.key(i))
				}
				<-done
				if slices.Max(at) > time.Microsecond {
					t.Errorf("handled at %v, want all at once", at)
				}
			})
		})
	}
}

// TestEndInOrder ends a test while a handler is about to call a service that was started
// before its own.
func TestEndInOrder(t *testing.T) {
	t.Parallel()
	var failure error
	asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
		failure = context.Canceled
		b.Fake("back", func(s *asynccalls.Service) { s.Handle("/e", asynccallstest.Script("yes")) })
		b.Start(func(d driver.Driver) (*asynccalls.Service, error) {
			s, err := asynccalls.New("front", d)
			s.Handle("/e", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
				if err := asynccallstest.Script(time.Second)(ctx, w, r); err != nil {
					return err
				}
				_, failure = s.CallOne(ctx, asynccalls.NewRequest("back", "/e", nil))
				return failure
			})
			return s, err
		})
		notify(t, b, "front", "/e", "")
	})
	if failure != nil {
		t.Errorf("the call failed: %v", failure)
	}
}

// TestEnds ends tests in ways that are not the usual one. Each has to end.
func TestEnds(t *testing.T) {
	t.Parallel()
	tests := map[string]func(testing.TB, *asynccallstest.Broker){
		"skipped": func(t testing.TB, b *asynccallstest.Broker) {
			b.Fake("server", func(s *asynccalls.Service) { s.Handle("/e", asynccallstest.Script()) })
			t.SkipNow()
		},
		"a crash at the end": func(t testing.TB, b *asynccallstest.Broker) {
			var s *asynccallstest.Instance
			s = b.Start(service("server", map[string]asynccalls.Handler{
				"/e": func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
					err := asynccallstest.Script(time.Second)(ctx, w, r)
					s.Crash()
					return err
				},
			}))
			notify(t, b, "server", "/e", "")
		},
		"closed before": func(t testing.TB, b *asynccallstest.Broker) {
			s := b.Start(service("server", map[string]asynccalls.Handler{"/e": asynccallstest.Script()}))
			if err := s.Service().Close(); err != nil {
				t.Error(err)
			}
			begun := time.Now()
			got := s.Call(asynccalls.NewRequest("server", "/e", nil))
			if got.Verdict != asynccallstest.Pending || got.Err == nil || time.Since(begun) > time.Minute {
				t.Errorf("after %v the result is %+v", time.Since(begun), got)
			}
		},
		"one client": func(t testing.TB, b *asynccallstest.Broker) {
			if first := b.Client(); first != b.Client() {
				t.Error("the test has two clients")
			}
		},
		"no end of its own": func(t testing.TB, b *asynccallstest.Broker) {
			s := b.Start(service("server", map[string]asynccalls.Handler{"/e": asynccallstest.Script()}))
			begun := time.Now()
			got := s.Send(asynccalls.NewRequest("server", "/unknown", nil))
			if got.Verdict != asynccallstest.DeadLettered || time.Since(begun) > time.Second {
				t.Errorf("after %v the result is %+v", time.Since(begun), got)
			}
		},
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asynccallstest.Run(t, body)
		})
	}
}

package asynccallstest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/driver"
)

// TestCrash has a process crash before it has committed, while a handler waits, and
// while a handler responds.
func TestCrash(t *testing.T) {
	t.Parallel()
	asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
		var s *asynccallstest.Instance
		var log []string
		opened := 0
		s = b.Start(func(d driver.Driver) (*asynccalls.Service, error) {
			opened++
			svc, err := asynccalls.New("server", d)
			svc.Handle("/e", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
				log = append(log, "begins "+string(r.Body))
				_ = w.Send(ctx, asynccalls.NewResponse([]byte("hello")))
				log = append(log, "has said hello")
				_, err := svc.CallOne(ctx, asynccalls.NewRequest("other", "/crash", r.Body))
				log = append(log, "goes on")
				return err
			})
			return svc, err
		})
		crashes := 0
		b.Fake("other", func(f *asynccalls.Service) {
			f.Handle("/crash", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
				if crashes++; crashes == 1 {
					s.Crash()
				}
				return w.Send(ctx, asynccalls.NewResponse(nil))
			})
		})
		n := 0
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for _, err := range b.Client().Call(ctx, asynccalls.NewRequest("server", "/e", []byte("x"))).Responses() {
			if err != nil {
				t.Errorf("the call ended with %v", err)
			}
			n++
		}
		b.Wait()
		want := "begins x, has said hello, begins x, has said hello, goes on"
		if got := strings.Join(log, ", "); got != want || n != 1 || opened != 2 {
			t.Errorf("%s: %d responses, opened %d times, want %s, one response, opened twice", got, n, opened, want)
		}
	})
}

// TestCrashOnTheStack crashes the process whose handler the test itself runs: the handler
// meets errors, and the next process handles the request.
func TestCrashOnTheStack(t *testing.T) {
	t.Parallel()
	asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
		var s *asynccallstest.Instance
		var failures []string
		var none map[string]int
		s = b.Start(service("server", map[string]asynccalls.Handler{
			"/e": func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
				if len(failures) == 0 {
					s.Crash()
				}
				failures = append(failures, "none")
				err := w.Send(ctx, asynccalls.NewResponse([]byte("hello")))
				if err == nil {
					err = w.Send(ctx, asynccalls.NewResponse([]byte("and again")))
				}
				if err != nil {
					failures[len(failures)-1] = "some"
					none["nobody sees this"]++
				}
				return err
			},
		}))
		got := s.Call(asynccalls.NewRequest("server", "/e", nil))
		asynccallstest.Equal(t, got.Responses,
			asynccalls.NewResponse([]byte("hello")), asynccalls.NewResponse([]byte("and again")))
		if want := []string{"some", "none"}; !slices.Equal(failures, want) || got.Verdict != asynccallstest.Done {
			t.Errorf("failures %q, verdict %v, want %q and Done", failures, got.Verdict, want)
		}
	})
}

// TestCrashAtOnce crashes a process whose handler is deaf for a while: the next one gets
// the request at once.
func TestCrashAtOnce(t *testing.T) {
	t.Parallel()
	asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
		var begun []time.Time
		s := b.Start(service("server", map[string]asynccalls.Handler{
			"/e": func(_ context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
				begun = append(begun, time.Now())
				return asynccallstest.Script(20*time.Second)(context.WithoutCancel(t.Context()), w, r)
			},
		}))
		notify(t, b, "server", "/e", "")
		asynccallstest.Script(time.Second)(t.Context(), nil, nil)
		before := s.Service()
		s.Crash()
		if s.Service() == before {
			t.Error("the service is that of the process that crashed")
		}
		b.Wait()
		if len(begun) != 2 || begun[1].Sub(begun[0]).Round(time.Millisecond) != time.Second {
			t.Errorf("handlers began at %v, want two, a second apart", begun)
		}
	})
}

// TestCrashedClient crashes a process that only calls: its call ends, and what it sends
// goes nowhere.
func TestCrashedClient(t *testing.T) {
	t.Parallel()
	asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
		var first *asynccalls.Service
		server := b.Fake("server", func(s *asynccalls.Service) { s.Handle("/e", asynccallstest.Script(time.Second, "late")) })
		client := b.Start(func(d driver.Driver) (*asynccalls.Service, error) {
			s, err := asynccalls.New("client", d)
			if first == nil {
				first = s
			}
			return s, err
		})
		c := first.Call(t.Context(), asynccalls.NewRequest("server", "/e", nil))
		asynccallstest.Script(time.Millisecond)(t.Context(), nil, nil)
		client.Crash()
		begun := time.Now()
		for resp, err := range c.Responses() {
			if err == nil {
				t.Errorf("a process that has crashed received %s", resp.Body)
			}
		}
		if d := time.Since(begun); d > time.Microsecond {
			t.Errorf("the call ended after %v, want at once", d)
		}
		if err := first.Notify(t.Context(), asynccalls.NewRequest("server", "/e", nil)); err == nil {
			t.Error("a process that has crashed sent a request")
		}
		if resp, err := client.Service().CallOne(t.Context(), asynccalls.NewRequest("server", "/e", nil)); err != nil {
			t.Errorf("the next process got %v, %v", resp, err)
		}
		if n := len(server.Received()); n != 2 {
			t.Errorf("the server received %d requests, want 2", n)
		}
	})
}

// TestRestart ends a process and starts another: nothing is handled again.
func TestRestart(t *testing.T) {
	t.Parallel()
	asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
		var handled []string
		s := b.Start(service("server", map[string]asynccalls.Handler{
			"/e": func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
				handled = append(handled, r.ID)
				return nil
			},
		}))
		before := s.Service()
		for range 2 {
			s.Notify(asynccalls.NewRequest("server", "/e", nil))
			s.Restart()
		}
		s.Notify(asynccalls.NewRequest("server", "/e", nil))
		if want := []string{"req-1", "req-2", "req-3"}; !slices.Equal(handled, want) {
			t.Errorf("handled %q, want %q", handled, want)
		}
		if s.Service() == before {
			t.Error("the service is the one of the first process")
		}
	})
}

// TestRestartWhileHandling ends a process while it handles a call: that is handled
// once, and answered.
func TestRestartWhileHandling(t *testing.T) {
	t.Parallel()
	asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
		runs := 0
		s := b.Start(service("server", map[string]asynccalls.Handler{
			"/e": func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
				runs++
				return asynccallstest.Script(time.Second, "yes")(ctx, w, r)
			},
		}))
		c := b.Client().Call(t.Context(), asynccalls.NewRequest("server", "/e", nil))
		asynccallstest.Script(time.Millisecond)(t.Context(), nil, nil)
		s.Restart()
		n := 0
		for _, err := range c.Responses() {
			if err != nil {
				t.Error(err)
			}
			n++
		}
		b.Wait()
		if n != 1 || runs != 1 {
			t.Errorf("%d responses and %d runs, want one of each", n, runs)
		}
	})
}

// TestClients looks at what services send, by who sent it and to whom.
func TestClients(t *testing.T) {
	t.Parallel()
	asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
		var front *asynccalls.Service
		client := b.Start(func(d driver.Driver) (_ *asynccalls.Service, err error) {
			front, err = asynccalls.New("front", d)
			return front, err
		})
		back := b.Fake("back", func(s *asynccalls.Service) { s.Handle("/{what}", asynccallstest.Script()) })
		for _, endpoint := range []string{"/one", "/two"} {
			if err := front.Notify(t.Context(), asynccalls.NewRequest("back", endpoint, nil)); err != nil {
				t.Fatal(err)
			}
		}
		if err := front.Notify(t.Context(), asynccalls.NewRequest("nobody", "/one", nil)); !errors.Is(err, asynccalls.ErrNoService) {
			t.Errorf("to nobody: %v", err)
		}
		back.Notify(asynccalls.NewRequest("back", "/three", nil))
		one, two, three := asynccalls.NewRequest("back", "/one", nil), asynccalls.NewRequest("back", "/two", nil),
			asynccalls.NewRequest("back", "/three", nil)
		asynccallstest.Equal(t, client.Sent(), one, two)
		asynccallstest.Equal(t, back.Received(), one, two, three)
		asynccallstest.Equal(t, b.Sent(), one, two, three)
		asynccallstest.Equal(t, back.Sent())
		if from := back.Received()[0].From; from != "front" {
			t.Errorf("the first request is from %q", from)
		}
	})
}

// TestDeadLetters looks at what a service has put there.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
		s := b.Fake("server", func(s *asynccalls.Service) { s.Handle("/e", asynccallstest.Script(errors.New("no"))) })
		s.Notify(asynccalls.NewRequest("server", "/e", []byte("x")))
		asynccallstest.Equal(t, s.DeadLetters(), asynccalls.NewRequest("server", "/e", []byte("x")))
		asynccallstest.Equal(t, b.Sent(), asynccalls.NewRequest("server", "/e", []byte("x")))
	})
}

// TestAllowPanics has a handler panic, which ends the call and not the test.
func TestAllowPanics(t *testing.T) {
	t.Parallel()
	asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
		b.AllowPanics()
		s := b.Fake("server", func(s *asynccalls.Service) {
			var none map[string]int
			s.Handle("/e", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
				none["x"]++
				return nil
			})
		})
		got := s.Call(asynccalls.NewRequest("server", "/e", nil))
		e, ok := errors.AsType[*asynccalls.Error](got.Err)
		if !ok || e.Status != 500 || got.Verdict != asynccallstest.Failed || !strings.Contains(got.Cause.Error(), "nil map") {
			t.Errorf("the result is %+v", got)
		}
	})
}

// TestDefaults gives the test's own services the prefix of those that it tests.
func TestDefaults(t *testing.T) {
	t.Parallel()
	prefix := asynccalls.Topics{Prefix: "staging."}
	asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
		s := b.Start(func(d driver.Driver) (*asynccalls.Service, error) {
			s, err := asynccalls.New("server", d, prefix)
			s.Handle("/e", asynccallstest.Script("yes"))
			return s, err
		})
		for name, hand := range map[string]func(*asynccalls.Request) *asynccallstest.Result{"call": s.Call, "send": s.Send} {
			got := hand(asynccalls.NewRequest("server", "/e", nil))
			if got.Err != nil || len(got.Responses) != 1 {
				t.Errorf("%s: the result is %+v", name, got)
			}
		}
		asynccallstest.Equal(t, s.Received(),
			asynccalls.NewRequest("server", "/e", nil), asynccalls.NewRequest("server", "/e", nil))
	}, asynccallstest.Defaults(prefix))
}

// TestEndsAtRest ends a process as soon as it has something to do, many times: it has
// always got as far.
func TestEndsAtRest(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*asynccallstest.Instance){
		"crash":   (*asynccallstest.Instance).Crash,
		"restart": (*asynccallstest.Instance).Restart,
	}
	for name, end := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := make(map[string]int)
			for range 200 {
				asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
					b.Fake("log", func(s *asynccalls.Service) { s.Handle("/e", asynccallstest.Script()) })
					s := b.Start(func(d driver.Driver) (*asynccalls.Service, error) {
						s, err := asynccalls.New("server", d)
						s.Handle("/e", func(ctx context.Context, _ asynccalls.ResponseWriter, _ *asynccalls.Request) error {
							return s.Notify(ctx, asynccalls.NewRequest("log", "/e", nil))
						})
						return s, err
					})
					notify(t, b, "server", "/e", "k")
					end(s)
					b.Wait()
					seen[b.Transcript()]++
				})
			}
			if len(seen) != 1 {
				t.Errorf("it took %d ways: %v", len(seen), seen)
			}
		})
	}
}

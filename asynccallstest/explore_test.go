package asynccallstest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/driver"
)

// counting is the body of a test whose handler must not run twice, which nobody can
// promise.
func counting(t testing.TB, b *asynccallstest.Broker) {
	count := 0
	b.Start(service("server", map[string]asynccalls.Handler{
		"/count": func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
			count++
			return nil
		},
	}))
	if err := b.Client().Notify(t.Context(), asynccalls.NewRequest("server", "/count", nil)); err != nil {
		t.Fatal(err)
	}
	b.Wait()
	if count != 1 {
		t.Errorf("the handler ran %d times, want once", count)
	}
}

// TestExploreFindsTheShortestSchedule has a handler run twice, with one deviation, and runs
// that schedule once more.
func TestExploreFindsTheShortestSchedule(t *testing.T) {
	r := asynccallstest.Search(t, asynccallstest.Bound{}, counting)
	steps := strings.Join(r.Steps, "\n")
	if !r.Failed() || strings.Count(steps, "!") != 1 || strings.Count(steps, "begins") != 3 {
		t.Fatalf("found %v, want one deviation, and three beginnings", r)
	}
	setting, command, _ := strings.Cut(r.Again, " ")
	if want := "go test -run '^TestExploreFindsTheShortestSchedule$'"; command != want {
		t.Errorf("the command is %q, want %q", command, want)
	}
	name, value, _ := strings.Cut(setting, "=")
	t.Setenv(name, value)
	again := asynccallstest.Search(t, asynccallstest.Bound{}, counting)
	if got := strings.Join(again.Steps, "\n"); got != steps || again.Schedules != 1 || !again.Failed() {
		t.Errorf("once more, it is\n%v\nwant\n%v", again, r)
	}
}

// TestExploreShowsSteps fails after a step of the test's own, and finds it in the schedule.
func TestExploreShowsSteps(t *testing.T) {
	t.Parallel()
	r := asynccallstest.Search(t, asynccallstest.Bound{}, func(t testing.TB, b *asynccallstest.Broker) {
		s := b.Start(service("server", map[string]asynccalls.Handler{
			"/e": func(ctx context.Context, _ asynccalls.ResponseWriter, _ *asynccalls.Request) error {
				b.Step(ctx, "has read the row")
				return nil
			},
		}))
		s.Notify(asynccalls.NewRequest("server", "/e", nil))
		t.Error("stop here")
	})
	if steps := strings.Join(r.Steps, "\n"); !strings.Contains(steps, "req-1 has read the row") {
		t.Errorf("the schedule is\n%s\nwant a step that reads the row", steps)
	}
}

// TestExploreKeepsWhatIsStored looks for a request that a handler has got, and that the
// test is not told of.
func TestExploreKeepsWhatIsStored(t *testing.T) {
	t.Parallel()
	r := asynccallstest.Search(t, asynccallstest.Bound{}, func(t testing.TB, b *asynccallstest.Broker) {
		got := 0
		other := b.Fake("other", func(s *asynccalls.Service) {
			s.Handle("/x", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
				got++
				return nil
			})
		})
		var s *asynccallstest.Instance
		s = b.Start(service("server", map[string]asynccalls.Handler{
			"/e": func(ctx context.Context, _ asynccalls.ResponseWriter, _ *asynccalls.Request) error {
				return s.Service().Notify(ctx, asynccalls.NewRequest("other", "/x", nil))
			},
		}))
		s.Notify(asynccalls.NewRequest("server", "/e", nil))
		b.Wait()
		if n := len(other.Received()); n != got {
			t.Errorf("received are %d requests, and %d were handled", n, got)
		}
	})
	if r.Failed() {
		t.Error(r)
	}
}

// TestExploreEveryFault explores a service that calls another, and finds schedules for
// each thing that may go wrong.
func TestExploreEveryFault(t *testing.T) {
	t.Parallel()
	want := map[string]func(*tally) bool{
		"well":                        func(y *tally) bool { return y.failures == "" && y.begun == 2 && y.opened == 1 && y.audited == 2 },
		"handled again":               func(y *tally) bool { return y.begun > 2 },
		"by one that lost the record": func(y *tally) bool { return y.revoked > 0 },
		"another process":             func(y *tally) bool { return y.opened > 1 },
		"other order":                 func(y *tally) bool { return strings.HasPrefix(y.order, "b") },
		"late response":               func(y *tally) bool { return strings.Contains(y.failures, "deadline exceeded") },
		"lost acknowledgement":        func(y *tally) bool { return strings.Contains(y.failures, "unknown") && y.audited > 0 },
		"crash before a request":      func(y *tally) bool { return y.begun > y.called },
		"crash after a request":       func(y *tally) bool { return y.called > y.answered },
		"crash before a response":     func(y *tally) bool { return y.answered > y.responded && y.opened > 1 },
		"crash after a response":      func(y *tally) bool { return y.responded > y.ended && y.opened > 1 },
		"crash before the commit":     func(y *tally) bool { return y.endedAtCrash == 2 && y.ended == 4 },
		"crash after the commit":      func(y *tally) bool { return y.endedAtCrash == 2 && y.ended == 2 && y.opened == 2 },
	}
	for name, wanted := range want {
		for how, body := range map[string]func(testing.TB, *asynccallstest.Broker) *tally{"notified": countNotified, "called": countCalled} {
			r := asynccallstest.Search(t, asynccallstest.Bound{Deviations: 1}, func(t testing.TB, b *asynccallstest.Broker) {
				if y := body(t, b); wanted(y) {
					t.Error("found")
				}
			})
			if !r.Failed() || r.Failures[0] != "found\n" {
				t.Errorf("%s, %s: not found: %v", name, how, r)
			}
			for _, step := range r.Steps {
				if strings.Contains(step, " has ") && !strings.Contains(step, "!") {
					t.Errorf("%s: the step %q says nothing", name, step)
				}
			}
		}
	}
}

// tally is what a service has done.
type tally struct {
	opened, endedAtCrash                      int
	begun, called, answered, responded, ended int
	revoked, audited                          int
	order, failures                           string
}

// countNotified has a service handle two one-way requests.
func countNotified(t testing.TB, b *asynccallstest.Broker) *tally {
	y := &tally{}
	y.start(b)
	for _, key := range []string{"a", "b"} {
		notify(t, b, "server", "/e", key)
	}
	b.Wait()
	return y
}

// countCalled has it handle two calls at the same time.
func countCalled(t testing.TB, b *asynccallstest.Broker) *tally {
	y := &tally{}
	y.start(b)
	var calls []*asynccalls.Call
	for _, key := range []string{"a", "b"} {
		r := asynccalls.NewRequest("server", "/e", nil)
		r.Key = key
		calls = append(calls, b.Client().Call(t.Context(), r))
	}
	for _, c := range calls {
		for _, err := range c.Responses() {
			if err != nil {
				y.failures += err.Error()
			}
		}
	}
	b.Wait()
	return y
}

// start starts a service that calls another, responds, and tells a third.
func (y *tally) start(b *asynccallstest.Broker) {
	b.Fake("other", func(s *asynccalls.Service) { s.Handle("/x", asynccallstest.Script("x")) })
	b.Fake("audit", func(s *asynccalls.Service) {
		s.Handle("/e", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
			y.audited++
			return nil
		})
	})
	b.Start(func(d driver.Driver) (*asynccalls.Service, error) {
		y.opened++
		y.endedAtCrash = y.ended
		s, err := asynccalls.New("server", d)
		s.Handle("/e", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
			y.begun++
			if ctx.Err() != nil {
				y.revoked++
			}
			if !strings.Contains(y.order, r.Key) {
				y.order += r.Key
			}
			c := s.Call(ctx, asynccalls.NewRequest("other", "/x", nil))
			y.called++
			for _, err := range c.Responses() {
				y.fail(err)
			}
			y.answered++
			y.fail(w.Send(ctx, asynccalls.NewResponse(nil)))
			y.responded++
			y.fail(s.Notify(ctx, asynccalls.NewRequest("audit", "/e", nil)))
			y.ended++
			return nil
		})
		return s, err
	})
}

func (y *tally) fail(err error) {
	if err != nil {
		y.failures += err.Error()
	}
}

// TestExploreEnd explores a test that does not wait for what it has set off: that it ends
// is not something that may happen earlier.
func TestExploreEnd(t *testing.T) {
	t.Parallel()
	r := asynccallstest.Search(t, asynccallstest.Bound{}, func(t testing.TB, b *asynccallstest.Broker) {
		b.Start(service("server", map[string]asynccalls.Handler{"/e": asynccallstest.Script("yes")}))
		notify(t, b, "server", "/e", "k")
	})
	if want := "explored 8 schedules, 8 states, up to 5 steps; all within the bound"; r.String() != want {
		t.Errorf("%v\nwant %s", r, want)
	}
}

// TestExploreTells explores tests that cannot be explored, or fail in other ways than by
// a wrong result.
func TestExploreTells(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body func(testing.TB, *asynccallstest.Broker)
		want string
	}{
		"waits forever": {
			func(testing.TB, *asynccallstest.Broker) { <-make(chan int) },
			"waits for something that never happens: deadlock: all goroutines in bubble are blocked\n\n" +
				"goroutine ",
		},
		"panic in a handler": {
			func(t testing.TB, b *asynccallstest.Broker) {
				var none map[string]bool
				s := b.Start(service("server", map[string]asynccalls.Handler{
					"/e": func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
						none["key"] = true
						return nil
					},
				}))
				s.Call(asynccalls.NewRequest("server", "/e", nil))
			},
			"explore_test.go",
		},
		"something else each time": {
			func(t testing.TB, b *asynccallstest.Broker) {
				times++
				b.Start(service("server", map[string]asynccalls.Handler{"/a": asynccallstest.Script(), "/b": asynccallstest.Script()}))
				endpoint := "/a"
				if times%2 == 0 {
					endpoint = "/b"
				}
				_ = b.Client().Notify(t.Context(), asynccalls.NewRequest("server", endpoint, nil))
				b.Wait()
			},
			"does something else when the same has happened",
		},
		"fails at once": {
			func(t testing.TB, _ *asynccallstest.Broker) { t.Fatalf("no %s", "way") },
			"no way",
		},
		"says nothing": {
			func(t testing.TB, _ *asynccallstest.Broker) { t.FailNow() },
			"without saying why",
		},
		"does not stop": {
			func(t testing.TB, b *asynccallstest.Broker) {
				b.Start(service("server", map[string]asynccalls.Handler{
					"/e": func(_ context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
						return asynccallstest.Script(time.Hour)(context.WithoutCancel(t.Context()), w, r)
					},
				}))
				notify(t, b, "server", "/e", "")
			},
			"server: listen: service \"server\": handlers did not stop",
		},
		"does not start": {
			func(t testing.TB, b *asynccallstest.Broker) { b.Start(service("No Name", nil)) },
			`"No Name"`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := asynccallstest.Search(t, asynccallstest.Bound{}, tt.body)
			if got := r.String(); !r.Failed() || !strings.Contains(got, tt.want) {
				t.Errorf("the report is %s\nwant %q in it", got, tt.want)
			}
		})
	}
}

var times int // that "something else each time" ran

// TestExploreComplete explores a test that holds in each schedule, by all of them, and
// by some.
func TestExploreComplete(t *testing.T) {
	t.Parallel()
	body := func(t testing.TB, b *asynccallstest.Broker) {
		runs := 0
		s := b.Start(service("server", map[string]asynccalls.Handler{
			"/e": func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
				runs++
				return w.Send(ctx, asynccalls.NewResponse([]byte("yes")))
			},
		}))
		got := s.Call(asynccalls.NewRequest("server", "/e", nil))
		switch {
		case got.Err == nil && len(got.Responses) != 1:
			t.Errorf("the result is %+v", got)
		case runs == 0 && !strings.Contains(got.Err.Error(), "deadline"):
			t.Errorf("without a run the call ended with %v", got.Err)
		}
		b.Wait()
	}
	for bound, want := range map[asynccallstest.Bound]string{
		{}:                             "explored 143 schedules, 233 states, up to 26 steps; all within the bound",
		{Deviations: 1}:                "explored 14 schedules, 59 states, up to 18 steps; all within the bound",
		{Schedules: 10}:                "explored 10 schedules, 53 states, up to 18 steps; not all within the bound, seed 1",
		{Schedules: 10, Seed: 7}:       "explored 10 schedules, 51 states, up to 18 steps; not all within the bound, seed 7",
		{Deviations: 3, Schedules: 99}: "explored 99 schedules, 199 states, up to 26 steps; not all within the bound, seed 1",
	} {
		if got := asynccallstest.Search(t, bound, body).String(); got != want {
			t.Errorf("%+v: %s\nwant %s", bound, got, want)
		}
	}
}

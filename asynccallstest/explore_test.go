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

// TestExploreEveryFault explores a service that calls another, and finds schedules for
// each thing that may go wrong.
func TestExploreEveryFault(t *testing.T) {
	t.Parallel()
	want := map[string]func(*tally) bool{
		"handled again":              func(y *tally) bool { return y.runs > 2 },
		"another process":            func(y *tally) bool { return y.opened > 1 },
		"other order":                func(y *tally) bool { return strings.HasPrefix(y.order, "b") },
		"late request":               func(y *tally) bool { return strings.Contains(y.failure, "deadline exceeded") },
		"lost acknowledgement":       func(y *tally) bool { return strings.Contains(y.failure, "unknown") },
		"interrupted before a send":  func(y *tally) bool { return y.begun > y.sent },
		"interrupted after a send":   func(y *tally) bool { return y.sent > y.ended },
		"well":                       func(y *tally) bool { return y.failure == "" && y.runs == 2 && y.opened == 1 },
		"done by the second process": func(y *tally) bool { return y.opened == 2 && y.order == "ab" && y.failure == "" },
	}
	for name, wanted := range want {
		r := asynccallstest.Search(t, asynccallstest.Bound{Deviations: 1}, func(t testing.TB, b *asynccallstest.Broker) {
			if y := count(t, b); wanted(y) {
				t.Error("found")
			}
		})
		if !r.Failed() || r.Failures[0] != "found\n" {
			t.Errorf("%s: not found: %v", name, r)
		}
	}
}

// tally is what happens in a schedule of [count].
type tally struct {
	opened, runs       int
	begun, sent, ended int
	order, failure     string
}

// count has a service handle two one-way requests with a call in each.
func count(t testing.TB, b *asynccallstest.Broker) *tally {
	y := &tally{}
	b.Fake("other", func(s *asynccalls.Service) { s.Handle("/x", asynccallstest.Script("x")) })
	b.Start(func(d driver.Driver) (*asynccalls.Service, error) {
		y.opened++
		s, err := asynccalls.New("server", d)
		s.Handle("/e", func(ctx context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
			y.runs++
			y.begun++
			if !strings.Contains(y.order, r.Key) {
				y.order += r.Key
			}
			c := s.Call(ctx, asynccalls.NewRequest("other", "/x", nil))
			y.sent++
			for _, err := range c.Responses() {
				if err != nil {
					y.failure = err.Error()
				}
			}
			y.ended++
			return nil
		})
		return s, err
	})
	for _, key := range []string{"a", "b"} {
		r := asynccalls.NewRequest("server", "/e", nil)
		r.Key = key
		if err := b.Client().Notify(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	b.Wait()
	return y
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
			"waits for something that never happens",
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

// TestExploreComplete explores a test that holds in each schedule.
func TestExploreComplete(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	r := asynccallstest.Search(t, asynccallstest.Bound{Schedules: 5000}, func(t testing.TB, b *asynccallstest.Broker) {
		handled := false
		s := b.Start(service("server", map[string]asynccalls.Handler{
			"/e": func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
				handled = true
				return nil
			},
		}))
		if got := s.Notify(asynccalls.NewRequest("server", "/e", nil)); !handled || got.Verdict != asynccallstest.Done {
			t.Errorf("handled is %v, the result %+v", handled, got)
		}
		b.Wait()
	})
	t.Logf("%v, in %v", r, time.Since(begun))
	if r.Failed() || !r.Complete || r.Schedules < 10 || r.States < r.Longest {
		t.Error("want no failure, and all schedules")
	}
}

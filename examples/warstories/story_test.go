package warstories_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/driver"
)

// body is a test of services.
type body func(testing.TB, *asynccallstest.Broker)

// story is a test that a bug passes in the ordinary schedule.
type story struct {
	bug, fix body

	failure    string   // of the bug, in another schedule
	deviations int      // that it takes
	steps      []string // some of that schedule, in their order
}

// turn is held by the story that is told, so that each has its own time.
var turn sync.Mutex

// tell runs the tests of a story.
func (s *story) tell(t *testing.T) {
	turn.Lock()
	defer turn.Unlock()
	t.Run("nobody noticed", func(t *testing.T) {
		asynccallstest.Run(t, s.bug)
	})
	t.Run("bug", func(t *testing.T) {
		begun := time.Now()
		r := asynccallstest.Search(t, asynccallstest.Bound{}, s.bug)
		t.Logf("found in %v: %v", time.Since(begun).Round(time.Millisecond), r)
		s.check(t, r)
	})
	t.Run("fix", func(t *testing.T) {
		begun := time.Now()
		asynccallstest.Explore(t, asynccallstest.Bound{Schedules: 350}, s.fix)
		t.Logf("explored in %v", time.Since(begun).Round(time.Millisecond))
	})
}

// check compares what was found with the story.
func (s *story) check(t *testing.T, r *asynccallstest.Report) {
	t.Helper()
	if len(r.Failures) != 1 || strings.TrimSpace(r.Failures[0]) != s.failure {
		t.Errorf("the bug fails with %q, want only %q", r.Failures, s.failure)
	}
	deviations, rest := 0, s.steps
	for _, step := range r.Steps {
		if strings.Contains(step, "!") {
			deviations++
		}
		if len(rest) > 0 && strings.HasSuffix(step, rest[0]) {
			rest = rest[1:]
		}
	}
	if deviations != s.deviations {
		t.Errorf("the schedule deviates %d times, want %d", deviations, s.deviations)
	}
	if len(rest) > 0 {
		t.Errorf("the schedule lacks the step %q, or has it too early", rest[0])
	}
}

// serve returns what starts a service.
func serve(id string, setup func(*asynccalls.Service), o ...asynccalls.Option,
) func(driver.Driver) (*asynccalls.Service, error) {
	return func(d driver.Driver) (*asynccalls.Service, error) {
		s, err := asynccalls.New(id, d, o...)
		if err != nil {
			return nil, err
		}
		setup(s)
		return s, nil
	}
}

// notify sends a one-way request of the test: the key, where it goes to, and the body.
func notify(t testing.TB, b *asynccallstest.Broker, key, to, text string) {
	t.Helper()
	service, endpoint, _ := strings.Cut(to, "/")
	r := asynccalls.NewRequest(service, "/"+endpoint, []byte(text))
	r.Key = key
	if err := b.Client().Notify(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

package asynccallstest

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/asynccalls/asynccalls/driver/memory"
	"github.com/asynccalls/asynccalls/internal/chance"
)

// scheduleVariable is the environment variable that has one schedule run again.
const scheduleVariable = "ASYNCCALLSTEST_SCHEDULE"

// Bound says how far an exploration goes. A zero field means the default.
type Bound struct {
	// Deviations is how many things may go another than the ordinary way in one schedule;
	// default 2.
	Deviations int

	// Schedules is how many are run at most; default 1000. If there are more, those with
	// the fewest deviations are run, and of the others some by chance.
	Schedules int

	// Seed is for that chance; default 1.
	Seed uint64
}

// Report is what an exploration has found.
type Report struct {
	Schedules int    // that were run
	States    int    // different ones that were seen, of the broker and of what waits to happen
	Longest   int    // schedule, in steps
	Complete  bool   // all schedules within the bound were run, and none failed
	Seed      uint64 // for those that were chosen by chance

	Failures []string // of the shortest schedule that fails; empty if none does
	Steps    []string // of that schedule; one that is marked by "!" goes another way than the ordinary
	Again    string   // the command that runs it again
}

// Failed reports whether a schedule fails.
func (r *Report) Failed() bool { return len(r.Failures) > 0 }

// String returns the report for people.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "explored %d schedules, %d states, up to %d steps; ", r.Schedules, r.States, r.Longest)
	switch {
	case r.Complete:
		b.WriteString("all within the bound")
		return b.String()
	case !r.Failed():
		fmt.Fprintf(&b, "not all within the bound, seed %d", r.Seed)
		return b.String()
	}
	fmt.Fprintf(&b, "this one fails:\n%s\n", strings.Join(r.Steps, "\n"))
	for _, f := range r.Failures {
		fmt.Fprintf(&b, "%s\n", strings.TrimSpace(f))
	}
	fmt.Fprintf(&b, "once more: %s", r.Again)
	return b.String()
}

// Explore runs a test by many schedules: the ordinary one, by which [Run] runs it, and
// those in which up to a number of things go another way. A process that [Broker.Start]
// has started crashes before or after anything it does, and starts again; what it has not
// committed is delivered again; handlers of different keys begin and go on in another
// order; the acknowledgement of what was stored is lost; requests and responses come a
// minute late. The engine of the library runs as always. The test fails with the shortest
// schedule that fails, and logs how many there were.
//
// The body runs once for each schedule. It must behave the same way if the same things
// happen: no map may decide in which order it sends. What a handler does without the
// library is one step, unless it calls [Broker.Step].
func Explore(t *testing.T, bound Bound, body func(t testing.TB, b *Broker), o ...Option) {
	t.Helper()
	r := Search(t, bound, body, o...)
	if r.Failed() {
		t.Fatal(r)
	}
	t.Log(r)
}

// Search explores as [Explore] does, and leaves it to the caller what to make of the
// report.
func Search(t *testing.T, bound Bound, body func(t testing.TB, b *Broker), o ...Option) *Report {
	t.Helper()
	x := &exploration{t: t, body: body, seed: maphash.MakeSeed(), states: make(map[uint64]bool)}
	for _, set := range o {
		set(&x.settings)
	}
	if x.settings.open != nil {
		t.Fatal("asynccallstest: explore: the option On does not fit: only what is on the stack can be explored")
	}
	x.bound = Bound{
		Deviations: cmp.Or(bound.Deviations, 2), Schedules: cmp.Or(bound.Schedules, 1000), Seed: cmp.Or(bound.Seed, 1),
	}
	if x.bound.Deviations < 0 || x.bound.Schedules < 1 {
		t.Fatalf("asynccallstest: explore: the bound %+v has a number below 1", bound)
	}
	exclusive.Lock()
	defer exclusive.Unlock()
	if again := os.Getenv(scheduleVariable); again != "" {
		return x.again(again)
	}
	return x.search()
}

type exploration struct {
	t        *testing.T
	settings settings
	bound    Bound
	body     func(testing.TB, *Broker)
	seed     maphash.Seed
	states   map[uint64]bool
	report   Report
}

// search runs the schedules with the fewest deviations first.
func (x *exploration) search() *Report {
	x.report.Complete, x.report.Seed = true, x.bound.Seed
	random := rand.New(rand.NewPCG(x.bound.Seed, 0)) //nolint:gosec // it is to be predictable
	level := [][]deviation{nil}
	for n := 0; n <= x.bound.Deviations && len(level) > 0; n++ {
		if room := x.bound.Schedules - x.report.Schedules; len(level) > room {
			x.report.Complete = false
			random.Shuffle(len(level), func(i, j int) { level[i], level[j] = level[j], level[i] })
			level = level[:room]
		}
		var next [][]deviation
		for _, deviations := range level {
			c, failures := x.run(deviations)
			if len(failures) > 0 {
				x.shrink(c, failures)
				return x.end()
			}
			if n < x.bound.Deviations {
				next = append(next, c.further()...)
			}
		}
		level = next
	}
	return x.end()
}

// again runs one schedule once more.
func (x *exploration) again(text string) *Report {
	deviations, err := readSchedule(text)
	if err != nil {
		x.t.Fatal(err)
	}
	c, failures := x.run(deviations)
	x.fail(c, failures)
	return x.end()
}

func (x *exploration) end() *Report {
	x.report.States = len(x.states)
	return &x.report
}

func (x *exploration) fail(c *schedule, failures []string) {
	x.report.Failures, x.report.Steps, x.report.Complete = failures, c.steps, false
	x.report.Again = fmt.Sprintf("%s=%s go test -run '^%s$'",
		scheduleVariable, writeSchedule(c.deviations), strings.ReplaceAll(x.t.Name(), "/", "$/^"))
}

// shrink leaves deviations out without which the schedule fails as well.
func (x *exploration) shrink(c *schedule, failures []string) {
	for i := 0; i < len(c.deviations); {
		var fewer []deviation
		for j, d := range c.deviations {
			if j != i {
				d.at = anywhere // it may have moved
				fewer = append(fewer, d)
			}
		}
		if without, again := x.run(fewer); len(again) > 0 && without.astray == "" {
			c, failures = without, again
		} else {
			i++
		}
	}
	x.fail(c, failures)
}

// run runs one schedule, and returns how the test failed, if it did.
func (x *exploration) run(deviations []deviation) (c *schedule, failures []string) {
	c = &schedule{deviations: slices.Clone(deviations), states: x.states}
	x.report.Schedules++
	r := &recorder{}
	defer func() {
		x.report.Longest = max(x.report.Longest, len(c.choices))
		if c.astray != "" {
			failures = append(failures,
				"the test does something else when the same has happened, so that it cannot be explored: "+c.astray)
		}
	}()
	x.bubble(c, r)
	return c, r.failures
}

// bubble runs the test once.
func (x *exploration) bubble(c *schedule, r *recorder) {
	defer chance.Predict()()
	defer func() {
		if p := recover(); p != nil { // of the bubble: nothing can happen in it any more
			r.record(stuck(p))
		}
	}()
	h := newWatch(x.t.Name(), os.Stderr, watchInterval)
	defer h.stop()
	synctest.Test(x.t, func(t *testing.T) {
		r.TB = t
		w := newWorld(r, memory.New(), true)
		w.configure(x.settings.defaults)
		w.schedule, w.seed = c, x.seed
		h.world.Store(w)
		go w.run() // end waits for it
		defer w.end()
		over := make(chan struct{})
		go func() { // it may end by FailNow
			defer close(over)
			x.body(r, &Broker{w})
		}()
		<-over
	})
}

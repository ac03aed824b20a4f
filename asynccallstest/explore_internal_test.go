package asynccallstest

import (
	"context"
	"hash/maphash"
	"slices"
	"strings"
	"testing"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
)

// TestShrink leaves the deviation out that has nothing to do with the failure.
func TestShrink(t *testing.T) {
	t.Parallel()
	x := &exploration{t: t, states: make(map[uint64]bool), seed: maphash.MakeSeed()}
	x.body = func(t testing.TB, b *Broker) {
		runs := 0
		s, err := b.w.start(true, b.w.fake("server", func(s *asynccalls.Service) {
			s.Handle("/e", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
				runs++
				return nil
			})
		}))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			s.Notify(asynccalls.NewRequest("server", "/e", nil))
		}
		b.Wait()
		if runs > 2 {
			t.Error("too many runs")
		}
	}
	exclusive.Lock()
	defer exclusive.Unlock()
	ordinary, failures := x.run(nil)
	if len(failures) > 0 {
		t.Fatal(failures)
	}
	find := func(c *schedule, from int, text string) deviation {
		for at := from; at < len(c.choices); at++ {
			for i, o := range c.choices[at] {
				if i > 0 && strings.Contains(o.String(), text) {
					return deviation{at, i, o.String()}
				}
			}
		}
		t.Fatalf("there is no choice %q in\n%s", text, strings.Join(c.steps, "\n"))
		return deviation{}
	}
	late := find(ordinary, 0, "minute late")
	second, _ := x.run([]deviation{late})
	again := find(second, late.at+2, "delivered again")
	c, failures := x.run([]deviation{late, again})
	if len(failures) == 0 {
		t.Fatalf("does not fail:\n%s", strings.Join(c.steps, "\n"))
	}
	x.shrink(c, failures)
	if steps := strings.Join(x.report.Steps, "\n"); strings.Count(steps, "!") != 1 || strings.Contains(steps, "late") {
		t.Errorf("what is left of two deviations is\n%s", steps)
	}
}

// TestReadSchedule reads what was written, and what was not.
func TestReadSchedule(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"ordinary", "1:1", "12:3,14:1"} {
		d, err := readSchedule(text)
		if got := writeSchedule(d); err != nil || got != text {
			t.Errorf("%q is read as %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "1", "0:1", "1:0", "a:b", "1:1,", "-1:1", "1:1:1"} {
		if _, err := readSchedule(text); err == nil || !strings.Contains(err.Error(), "ASYNCCALLSTEST_SCHEDULE") {
			t.Errorf("%q: the error is %v", text, err)
		}
	}
}

// TestResponsesOnce gives the host a durable response again.
func TestResponsesOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, true)
	h := &host{w: w, news: make(chan struct{}, 1), lacksEnd: true}
	w.hosts["req-1"] = h
	for _, r := range []*asynccalls.Response{
		{RequestID: "req-1", Run: "a"},
		{RequestID: "req-1", Run: "a"},
		{RequestID: "req-1", Run: "a", Seq: 1},
		{RequestID: "req-1", Run: "b"},
		{RequestID: "req-2", Run: "a"},
		{RequestID: "req-1", Run: "a", Seq: 2, End: true},
	} {
		if err := w.respond(t.Context(), r); err != nil {
			t.Error(err)
		}
	}
	if n := len(h.result.Responses); n != 3 || h.lacksEnd {
		t.Errorf("%d responses, and the end is missing: %v; want 3, and false", n, h.lacksEnd)
	}
}

// pausing is a reader that takes in what is paused.
type pausing struct {
	driver.Reader
	all []driver.Partition
}

func (p *pausing) Pause(all []driver.Partition) { p.all = all }

// TestTenantPauses pauses the partitions that the broker knows.
func TestTenantPauses(t *testing.T) {
	t.Parallel()
	p := &pausing{}
	r := &tenantReader{p, &tenant{prefix: "mine-"}}
	r.Pause([]driver.Partition{{Topic: "a.requests", ID: 3}})
	if want := []driver.Partition{{Topic: "mine-a.requests", ID: 3}}; !slices.Equal(p.all, want) {
		t.Errorf("paused are %v, want %v", p.all, want)
	}
}

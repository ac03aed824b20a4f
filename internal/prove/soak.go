//go:build unix

package prove

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/internal/checker"
)

// The figures that a soak counts.
const (
	added   = "instances added"
	removed = "instances removed"
	killed  = "instances killed"
)

// Soak has eight clients call eight instances of a service; each second one
// instance of either is removed, and the one before added again. No call may lack its end, or a response
// (semantics 3.2, 3.3, 3.5).
func Soak(t *testing.T) {
	t.Helper()
	seconds := setting(t, "PROVE_SOAK", 3)
	tiers := map[string]func(*fleet){"embedded": (*fleet).embedded}
	if addr := os.Getenv("ASYNCCALLS_KAFKA"); addr != "" {
		tiers = map[string]func(*fleet){"kafka": func(f *fleet) { f.address = addr }}
	}
	for name, connect := range tiers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, time.Duration(seconds)*time.Second+2*time.Minute)
			f.topics.Partitions = 16
			connect(f)
			const each = 8
			for i := range each {
				f.add(fmt.Sprint("server", i), part{Role: roleServer})
				f.add(fmt.Sprint("caller", i), part{Role: roleCaller})
			}
			f.mustBeReady()
			begin := time.Now()
			for n := 1; n <= seconds; n++ {
				f.exchange()
				f.wait(time.Until(begin.Add(time.Duration(n) * time.Second)))
			}
			f.wg.Wait()
			f.stopAll(roleCaller) // each waits for its calls
			f.stopAll(roleServer)
			f.judgeCalls()
		})
	}
}

// exchange adds the instances that are missing, and removes one.
func (f *fleet) exchange() {
	for _, s := range f.missing() {
		f.count(added)
		f.do(s, func() { f.launch(s) })
	}
	s := f.pick([]role{roleServer, roleCaller}[f.random.IntN(2)])
	switch {
	case s == nil: // something happens to each
	case f.random.IntN(5) < 3:
		f.count(removed)
		f.do(s, func() { f.stop(s) })
	default:
		f.count(killed)
		f.do(s, func() { f.kill(s); s.process = nil })
	}
}

// missing returns the slots that have no process and that nothing is done to, and
// marks them.
func (f *fleet) missing() []*slot {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []*slot
	for _, s := range f.slots {
		if !s.busy && s.process == nil {
			s.busy = true
			all = append(all, s)
		}
	}
	return all
}

// judgeCalls looks at what became of all calls.
func (f *fleet) judgeCalls() {
	f.t.Helper()
	if err := f.watch.look(); err != nil {
		f.t.Fatal(err)
	}
	events := slices.Concat(f.history.Events(), f.watch.events)
	found := checker.Check(events, checker.Options{})
	calls := callsIn(events)
	var took []time.Duration
	sum := make(map[string]int)
	for _, c := range calls {
		sum["responses received"] += c.received
		sum["calls handled again"] += max(0, c.runs-1)
		if c.end == nil { // its client was killed, or the checker says so
			sum["calls whose client was killed"]++
			continue
		}
		took = append(took, c.end.At.Sub(c.begin.At))
		if c.end.Error != "" || c.received != c.begin.Seq {
			found = append(found, checker.Violation{
				Rule:   "complete",
				Text:   fmt.Sprintf("call %s got %d responses, want %d and no error", c.begin.Request, c.received, c.begin.Seq),
				Events: []checker.Event{*c.begin, *c.end},
			})
		}
	}
	f.t.Logf("seed %d: %s%scalls %d, slowest %v, 99 of 100 within %v, half within %v, violations %d, duration %v",
		f.seed, figures(f.tally), figures(sum), len(calls), quantile(took, 1), quantile(took, 0.99), quantile(took, 0.5),
		len(found), time.Since(f.start).Round(100*time.Millisecond))
	if len(took) < 100 || 10*len(took) < 9*len(calls) {
		f.t.Errorf("%d of %d calls have ended: this shows little", len(took), len(calls))
	}
	f.complain(found)
}

// aCall is what was seen of one call.
type aCall struct {
	begin, end     *checker.Event
	received, runs int
}

func callsIn(events []checker.Event) map[string]*aCall {
	calls := make(map[string]*aCall)
	for i := range events {
		if e := &events[i]; e.Kind == checker.Invoke {
			calls[e.Request] = &aCall{begin: e}
		}
	}
	for i := range events {
		e := &events[i]
		c := calls[e.Request]
		if c == nil {
			continue
		}
		switch e.Kind {
		case checker.Received:
			c.received++
		case checker.HandlerStart:
			c.runs++
		case checker.Ended:
			c.end = e
		default:
		}
	}
	return calls
}

// quantile returns what a part of the durations does not exceed.
func quantile(all []time.Duration, part float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[int(part*float64(len(all)-1))].Round(time.Millisecond)
}

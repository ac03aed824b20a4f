//go:build unix

package prove

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/internal/checker"
)

// The figures that changes of a group are counted by.
const (
	joins      = "instances joined"
	leaves     = "instances left"
	deaths     = "instances died"
	rebalances = "rebalances"
)

// Rebalances has instances join, leave and die under load, so that their
// group never rests (semantics 2.3, 2.7, 2.9).
func Rebalances(t *testing.T) {
	t.Helper()
	requests, changes := setting(t, "PROVE_REQUESTS", 400)/2, setting(t, "PROVE_REBALANCES", 4)
	tiers := map[string]func(*fleet){"embedded": (*fleet).embedded}
	if addr := os.Getenv("ASYNCCALLS_KAFKA"); addr != "" {
		tiers["kafka"] = func(f *fleet) { f.address = addr }
	}
	for name, connect := range tiers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, 4*time.Minute)
			connect(f)
			f.populate(requests, time.Duration(changes)*700*time.Millisecond)
			for i := range 2 {
				f.add(fmt.Sprint("server", 3+i), part{Role: roleServer})
			}
			for f.tallied(rebalances) < changes && f.ctx.Err() == nil {
				f.change()
			}
			f.settle()
			f.judge(checker.Options{})
		})
	}
}

// change has one instance join, leave or die, and waits until the group has
// settled, or most often not quite.
func (f *fleet) change() {
	s := f.pick(roleServer)
	dice, hurry := f.random.IntN(10), f.random.IntN(4) == 0
	before := f.watch.count(joined)
	switch up := f.up(roleServer); {
	case s.process == nil:
		f.count(joins)
		f.do(s, func() { f.launch(s) })
	case up < 2:
		f.do(s, func() {})
		return
	case dice < 6:
		f.count(leaves)
		f.do(s, func() { f.stop(s) })
	default:
		f.count(deaths)
		f.do(s, func() { f.kill(s); s.process = nil })
	}
	f.wg.Wait()
	if hurry {
		f.wait(upTo(200*time.Millisecond, f.random.Float64()))
	} else if f.until(5*time.Second, func(w *watch) (bool, int) { return w.counts[joined] > before, 0 }) {
		f.count(rebalances)
	}
}

// up returns how many instances of a role run.
func (f *fleet) up(r role) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, s := range f.slots {
		if s.part.Role == r && s.process != nil {
			n++
		}
	}
	return n
}

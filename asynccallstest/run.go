package asynccallstest

import (
	"os"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/memory"
	"github.com/asynccalls/asynccalls/internal/chance"
)

// Option is a setting of [Run]: [On] or [Defaults].
type Option func(*settings)

type settings struct {
	open     func(testing.TB) driver.Driver
	defaults []asynccalls.Option
}

// On has the test run on a broker outside of the test, such as Apache Kafka: open
// connects to it. Each test has topics of its own there. Time is real, services run as
// in production, and IDs are as always. The driver is closed at the end.
func On(open func(testing.TB) driver.Driver) Option {
	return func(s *settings) { s.open = open }
}

// Defaults sets options of the services that the test itself has: its client, and
// those of [Broker.Fake]. They need the same [asynccalls.Topics] Prefix as those that
// are tested.
func Defaults(o ...asynccalls.Option) Option {
	return func(s *settings) { s.defaults = o }
}

// exclusive is held by the test that runs: the IDs it sees are those of the process.
//
//nolint:gochecknoglobals // see above
var exclusive sync.Mutex

// Run runs a test in a bubble of [testing/synctest]: time is virtual, and passes when
// nothing is left to do. Services that the test starts are connected by b, one thing
// happens at a time, in the order in which it was set off, each a nanosecond after the
// other, and IDs are counted from req-1; so the test does the same each time. At the end
// everything is closed.
//
// Tests of Run do not overlap with each other, even parallel ones; a parallel test that
// makes requests in a bubble of its own disturbs the IDs. A test must not call
// [synctest.Wait]; [Broker.Wait] waits for what was sent.
func Run(t *testing.T, body func(t testing.TB, b *Broker), o ...Option) {
	t.Helper()
	var s settings
	for _, set := range o {
		set(&s)
	}
	if s.open != nil {
		runOn(t, &s, body)
		return
	}
	exclusive.Lock()
	defer exclusive.Unlock()
	defer chance.Predict()()
	defer func() {
		if p := recover(); p != nil { // of the bubble: nothing can happen in it any more
			t.Fatal(stuck(p))
		}
	}()
	h := newWatch(t.Name(), os.Stderr, watchInterval)
	defer h.stop()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memory.New(), true)
		w.configure(s.defaults)
		h.world.Store(w)
		go w.run() // end waits for it
		defer w.end()
		body(t, &Broker{w})
	})
}

// runOn runs a test on a broker outside of it.
func runOn(t *testing.T, s *settings, body func(testing.TB, *Broker)) {
	t.Helper()
	broker := s.open(t)
	w := newWorld(t, newTenant(broker), false)
	w.configure(s.defaults)
	defer func() {
		w.end()
		if err := broker.Close(); err != nil {
			t.Errorf("close the driver: %v", err)
		}
	}()
	body(t, &Broker{w})
}

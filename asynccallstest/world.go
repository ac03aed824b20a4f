package asynccallstest

import (
	"context"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
)

// lateness is how late something is that comes late, in virtual time: later than a call
// waits by default.
const lateness = time.Minute

// world is a broker and all that is connected to it during one test, or one
// schedule of an exploration.
//
// If it is staged, it decides what happens next. Whatever a service wants to do to
// the others, or a handler wants to go on with, is an event that waits here until
// everything else has come to rest; then one event happens, and so on. Time passes
// when no event is left. So one thing happens at a time, in an order that does not
// depend on the scheduler of goroutines.
type world struct {
	t        testing.TB
	broker   driver.Driver
	staged   bool
	begun    time.Time
	schedule *schedule // nil: everything goes its ordinary way
	defaults []asynccalls.Option
	prefix   string        // of topics and groups, as defaults say
	seed     maphash.Seed  // of state
	wake     chan struct{} // gets an element when an event was added
	stop     chan struct{} // closed at the end
	stopped  chan struct{} // closed when run has ended
	wg       sync.WaitGroup
	nobody   *conn         // whose events are those of the test
	owning   chan struct{} // holds an element while client or Instance.replies is looked at
	client   *Instance     // with which the test calls, once it does

	mu         sync.Mutex // guards what follows, and the fields of connections, readers and instances
	pending    []*event
	round      int // how often something has happened
	conns      []*conn
	instances  []*Instance
	requests   []*sighting
	transcript []string         // what was stored, a line each
	hosts      map[string]*host // by the ID of the request
	progress   map[driver.Partition]*progress
	settled    []chan struct{} // closed when nothing is left to handle
	forgiving  bool            // panics of handlers are no failures
	ending     bool
}

// progress is how far the messages of a partition are handled.
type progress struct {
	end       int64 // behind the last that was stored
	committed int64
	served    bool // some service has handlers for it
}

func newWorld(tb testing.TB, broker driver.Driver, staged bool) *world {
	tb.Helper()
	w := &world{
		t: tb, broker: broker, staged: staged, begun: time.Now(),
		wake: make(chan struct{}, 1), stop: make(chan struct{}), stopped: make(chan struct{}),
		owning:   make(chan struct{}, 1),
		hosts:    make(map[string]*host),
		progress: make(map[driver.Partition]*progress),
	}
	w.nobody = &conn{w: w, label: "test", index: math.MaxInt}
	return w
}

// configure sets the options of the services of the test.
func (w *world) configure(defaults []asynccalls.Option) {
	w.defaults = defaults
	for _, o := range defaults {
		if topics, ok := o.(asynccalls.Topics); ok {
			w.prefix = topics.Prefix
		}
	}
}

// run has one event happen after the other, until the world ends.
func (w *world) run() {
	defer close(w.stopped)
	for {
		w.rest()
		o, due := w.next()
		if o.event != nil {
			w.happen(o)
			continue
		}
		w.settle()
		if !w.sleep(due) {
			return
		}
	}
}

// rest waits until all has come to rest, and lets a nanosecond pass: so that no two
// handlers go on at the same time that sleep for as long.
func (w *world) rest() {
	<-time.After(time.Nanosecond)
	synctest.Wait()
}

// sleep waits for an event, at most until one is due that is late. It returns false at
// the end of the world.
func (w *world) sleep(due time.Duration) bool {
	var late <-chan time.Time // none
	if due < forever {
		timer := time.NewTimer(due)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-w.wake:
		return true
	case <-late:
		return true
	case <-w.stop:
		return false
	}
}

// next takes the next event out of those that are pending, and decides what goes
// wrong with it. Without one it says when the first that is late is due.
func (w *world) next() (o option, due time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.SortStableFunc(w.pending, (*event).compare)
	now := time.Now()
	due = forever
	var options []option
	for _, e := range w.pending {
		if e.due.After(now) {
			due = min(due, e.due.Sub(now))
			continue
		}
		if !e.kind.waits() { // it comes before all others
			options = []option{{e, noFault}}
			break
		}
		if e.kind != ending || len(options) == 0 { // it does not come before others
			options = append(options, option{e, noFault})
		}
	}
	if len(options) == 0 {
		return option{}, due
	}
	w.round++
	if w.schedule == nil || w.ending {
		return w.take(options[0]), 0
	}
	first := options[0].event
	for _, f := range first.faults() {
		options = append(options, option{first, f})
	}
	return w.take(w.schedule.choose(options, w.state())), 0
}

// atRest waits until everything else has come to rest, and before anything that waits to
// happen does; so what the test does next meets the same each time.
func (w *world) atRest(what string) {
	if w.staged {
		turn := make(chan struct{})
		w.add(&event{conn: w.nobody, kind: resting, name: what, do: func() { close(turn) }})
		<-turn
	}
}

// forever is when nothing is due.
const forever = 1 << 62

// state is a hash of what waits and how far everything is. The lock is held.
func (w *world) state() uint64 {
	var state uint64
	for _, e := range w.pending {
		state = state*31 + maphash.String(w.seed, e.name)
	}
	for p, at := range w.progress { // in any order
		state += maphash.Comparable(w.seed, p) * maphash.Comparable(w.seed, *at)
	}
	return state
}

// take removes an event that is going to happen. The lock is held.
func (w *world) take(o option) option {
	w.pending = slices.DeleteFunc(w.pending, func(e *event) bool { return e == o.event })
	return o
}

// happen has an event happen, or what goes wrong with it.
func (w *world) happen(o option) {
	switch o.fault {
	case noFault:
		o.event.do()
	case late:
		o.event.due = time.Now().Add(lateness)
		w.add(o.event)
	case deliverAgain:
		w.add(o.event)
		o.event.conn.group.redeliver()
	case crashBefore:
		w.add(o.event)
		o.event.conn.crash()
	case crashAfter:
		o.event.conn.doom()
		o.event.do()
	case loseAcknowledgement:
		o.event.outcome = asynccalls.ErrUnknownOutcome
		o.event.do()
	}
}

// add adds an event, unless its process has crashed.
func (w *world) add(e *event) (added bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.conn.dead {
		return false
	}
	e.born = w.round
	w.pending = append(w.pending, e)
	w.poke()
	return true
}

// poke has run look again.
func (w *world) poke() {
	select {
	case w.wake <- struct{}{}:
	default: // it is awake
	}
}

// remove takes an event back, and reports whether it had not happened.
func (w *world) remove(e *event) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := len(w.pending)
	w.take(option{event: e})
	return len(w.pending) < before
}

// settle tells those who wait for it that everything was handled, if it was.
func (w *world) settle() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.unsettled()) > 0 {
		return
	}
	for _, c := range w.settled {
		close(c)
	}
	w.settled = nil
}

// unsettled names what was sent and is not handled for good. The lock is held.
func (w *world) unsettled() []string {
	var open []string
	for p, at := range w.progress {
		if at.served && at.committed < at.end {
			open = append(open, fmt.Sprintf("%d of %s", at.end-at.committed, p.Topic))
		}
	}
	slices.Sort(open)
	return open
}

// stored takes in where a record is. The lock is held.
func (w *world) stored(r *driver.Record) {
	p := w.at(driver.Partition{Topic: r.Topic, ID: r.Partition})
	p.end = max(p.end, r.Offset+1)
}

// committed takes in what was committed.
func (w *world) committed(positions []driver.Position) {
	w.mu.Lock()
	for _, p := range positions {
		at := w.at(p.Partition)
		at.committed = max(at.committed, p.Offset)
	}
	w.mu.Unlock()
	if !w.staged {
		w.settle()
	}
}

func (w *world) at(partition driver.Partition) *progress {
	p := w.progress[partition]
	if p == nil {
		p = &progress{}
		w.progress[partition] = p
	}
	return p
}

// wait waits until everything that was sent is handled.
func (w *world) wait(ctx context.Context, patience time.Duration) error {
	settled := make(chan struct{})
	w.mu.Lock()
	w.settled = append(w.settled, settled)
	w.mu.Unlock()
	w.poke()
	if !w.staged {
		w.settle()
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-settled:
		return nil
	case <-ctx.Done():
	case <-timer.C:
	case <-w.stop:
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.settled = slices.DeleteFunc(w.settled, func(c chan struct{}) bool { return c == settled })
	return fmt.Errorf("not handled after %v: %v", patience, w.unsettled())
}

// end ends all services, and then the world.
func (w *world) end() {
	if w.staged { // it is an event as others are, so that it comes in its turn
		turn := make(chan struct{})
		w.add(&event{conn: w.nobody, kind: ending, name: "the test ends", do: func() { close(turn) }})
		<-turn
	}
	w.mu.Lock()
	w.ending = true
	for _, e := range w.pending {
		e.due = time.Time{} // nothing comes late any more
	}
	w.poke()
	instances := slices.Clone(w.instances)
	w.mu.Unlock()
	slices.Reverse(instances) // who depends on others ends first
	for _, i := range instances {
		if err := i.close(); err != nil {
			w.t.Errorf("%s: %v", i.name(), err)
		}
	}
	w.wg.Wait()
	close(w.stop)
	if w.staged {
		<-w.stopped
	}
}

package delivery

import (
	"hash/maphash"
	"time"

	"github.com/asynccalls/asynccalls/driver"
)

// Lanes orders the tasks of a group: one at a time for each key, in the order
// in which they were added; any number at once for different keys, and for
// tasks without a key (semantics 2.3). A task that is to be tried again keeps
// its place in its lane.
//
// A lane outlives the assignment of its partition. So if a partition leaves and
// comes back while a handler still runs, the new delivery waits for it.
type Lanes struct {
	seed   maphash.Seed
	tails  map[uint64]*Task // the last task of each key that has any
	ready  ready
	added  uint64
	parked parked  // those that may run later
	gates  []*Gate // all that a task was seen at
}

// NewLanes returns lanes without tasks.
func NewLanes() *Lanes {
	return &Lanes{seed: maphash.MakeSeed(), tails: make(map[uint64]*Task)}
}

// Add takes in a task; key is the key of its record, nil or empty for none. Two
// keys that happen to share a lane are handled one after the other, which is
// slower but as correct.
func (l *Lanes) Add(t *Task, p driver.Partition, key []byte) {
	t.key = l.key(p, key)
	l.added++
	t.order = l.added
	if t.key != 0 {
		before := l.tails[t.key]
		l.tails[t.key] = t
		if before != nil {
			before.behind = t
			return
		}
	}
	l.ready.add(t)
}

// Ready returns how many tasks Next could return now; some of them may turn out
// to belong to an assignment that has ended, or to have to wait at their gate.
func (l *Lanes) Ready() int { return l.ready.len() }

// Crowded returns how many tasks wait for others to leave their gate.
func (l *Lanes) Crowded() int {
	n := 0
	for _, g := range l.gates {
		n += g.waiting.len
	}
	return n
}

// Parked returns how many tasks wait for the time of their next attempt, or for a
// gate that is shut. Those behind them in their lanes are not counted.
func (l *Lanes) Parked() int {
	n := len(l.parked)
	for _, g := range l.gates {
		n += g.held.len
	}
	return n
}

// Next takes the oldest task that may run, or returns nil. Whoever takes a task
// must finish it.
func (l *Lanes) Next(now time.Time) *Task {
	for t := l.ready.pop(); t != nil; t = l.ready.pop() {
		switch {
		case t.Assignment.revoked:
			l.drop(t)
		case l.admit(t, now):
			t.Assignment.running++
			return t
		}
	}
	return nil
}

// admit reports whether the gate lets a task run. If not, the task waits there,
// or is parked until it may probe.
func (l *Lanes) admit(t *Task, now time.Time) bool {
	g := t.Gate
	if g == nil {
		return true
	}
	l.know(g)
	switch {
	case g.holds(t):
		g.held.push(t)
		return false
	case g.crowded():
		g.waiting.push(t)
		return false
	case g.probing() && !t.Awaited:
		g.probe = t
		if now.Before(g.due) {
			l.parked.add(t, g.due)
			return false
		}
	}
	g.running++
	return true
}

func (l *Lanes) know(g *Gate) {
	if !g.known {
		g.known = true
		l.gates = append(l.gates, g)
	}
}

// Finish takes in that the handler of a task has returned. A task that is to be
// tried again is parked in its place in its lane, unless its assignment has
// ended; else the next one of its key may run.
func (l *Lanes) Finish(t *Task, o Outcome, now time.Time) {
	t.Assignment.running--
	again := !o.Retry.IsZero() && !t.Assignment.revoked
	held := false
	if g := t.Gate; g != nil {
		held = l.leave(t, o, now) && again
		defer l.open(g)
	}
	switch {
	case held:
		t.Gate.held.push(t)
	case again:
		l.parked.add(t, o.Retry)
	default:
		l.advance(t)
	}
}

// leave takes a task out of its gate, and reports whether the gate holds it if it
// is to be tried again.
func (l *Lanes) leave(t *Task, o Outcome, now time.Time) bool {
	g := t.Gate
	g.running--
	switch {
	case t.Assignment.revoked: // what it found is not known
		g.lose(t)
		return false
	case o.Away:
		return g.fail(t, now)
	}
	for free := g.succeed(); free.len > 0; {
		l.ready.push(free.pop())
	}
	return false
}

// open lets a task try again that waits at a gate.
func (l *Lanes) open(g *Gate) {
	if !g.crowded() && g.waiting.len > 0 {
		l.ready.push(g.waiting.pop())
	}
	if g.probe == nil && g.held.len > 0 {
		l.ready.push(g.held.pop())
	}
}

// Wake lets the tasks run whose time has come.
func (l *Lanes) Wake(now time.Time) {
	for t := l.parked.next(now); t != nil; t = l.parked.next(now) {
		l.ready.push(t)
	}
}

// Due returns when Wake will have something to do. It reports whether there is
// such a time.
func (l *Lanes) Due() (time.Time, bool) {
	if len(l.parked) == 0 {
		return time.Time{}, false
	}
	return l.parked[0].due, true
}

// Revoke ends an assignment: its tasks that do not run are dropped, as if they
// had never been received (semantics 2.7).
func (l *Lanes) Revoke(a *Assignment) {
	a.revoked = true
	ended := func(t *Task) bool { return t.Assignment.revoked }
	dropped := l.parked.take(ended)
	for _, g := range l.gates {
		dropped = append(dropped, g.waiting.take(ended)...)
		dropped = append(dropped, g.held.take(ended)...)
	}
	for _, t := range dropped {
		l.drop(t)
	}
}

// drop forgets a task that does not run.
func (l *Lanes) drop(t *Task) {
	if g := t.Gate; g != nil {
		g.lose(t)
		l.open(g)
	}
	l.advance(t)
}

func (l *Lanes) key(p driver.Partition, key []byte) uint64 {
	if len(key) == 0 {
		return 0
	}
	k := maphash.Bytes(l.seed, key) ^ maphash.String(l.seed, p.Topic)
	return max(k^uint64(p.ID)*0x9e3779b97f4a7c15, 1) //nolint:gosec // only a hash
}

// advance lets the task behind t run.
func (l *Lanes) advance(t *Task) {
	if t.key == 0 {
		return
	}
	behind := t.behind
	t.behind = nil
	if behind == nil {
		delete(l.tails, t.key)
		return
	}
	l.ready.push(behind)
}

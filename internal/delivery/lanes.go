package delivery

import (
	"hash/maphash"

	"github.com/asynccalls/asynccalls/driver"
)

// Assignment is one partition as long as this member of the group has it.
type Assignment struct {
	Window  *Window
	running int  // tasks taken and not yet released
	revoked bool // nothing of it is taken any more
}

// NewAssignment returns the state of a partition that was just assigned.
func NewAssignment(b Bound) *Assignment { return &Assignment{Window: NewWindow(b)} }

// Revoke ends the assignment: its records that were not taken are dropped when
// their turn comes, as if they had never been received (semantics 2.7).
func (a *Assignment) Revoke() { a.revoked = true }

// Running returns how many of its tasks were taken and not yet released.
func (a *Assignment) Running() int { return a.running }

// Revoked reports whether Revoke was called.
func (a *Assignment) Revoked() bool { return a.revoked }

// Gate bounds how many tasks of one endpoint run at a time. Tasks that find it
// full wait without holding up others.
type Gate struct {
	limit   int
	running int
	waiting queue
}

// NewGate returns a gate for limit tasks.
func NewGate(limit int) *Gate { return &Gate{limit: limit} }

// Task is one record that is to be handled.
type Task struct {
	Entry
	Owner      any // what handles the record, for whoever takes the task
	Assignment *Assignment
	Gate       *Gate // nil for no bound but that of the workers

	key    uint64 // of the lane, 0 for a record without a key
	behind *Task  // the next task of the same key
	queued *Task  // the next task in the queue it waits in
}

// Lanes orders the tasks of a group: one at a time for each key, in the order
// in which they were added; any number at once for different keys, and for
// tasks without a key (semantics 2.3).
//
// A lane outlives the assignment of its partition. So if a partition leaves and
// comes back while a handler still runs, the new delivery waits for it.
type Lanes struct {
	seed  maphash.Seed
	tails map[uint64]*Task // the last task of each key that has any
	ready queue            // the tasks that may run
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
	if t.key != 0 {
		before := l.tails[t.key]
		l.tails[t.key] = t
		if before != nil {
			before.behind = t
			return
		}
	}
	l.ready.push(t)
}

// Ready returns how many tasks Next could return now; some of them may turn out
// to belong to a revoked assignment, or to find their gate full.
func (l *Lanes) Ready() int { return l.ready.len }

// Next takes the oldest task that may run, or returns nil. Whoever takes a task
// must release it.
func (l *Lanes) Next() *Task {
	for t := l.ready.pop(); t != nil; t = l.ready.pop() {
		switch g := t.Gate; {
		case t.Assignment.revoked:
			l.open(g)
			l.advance(t)
			continue
		case g == nil:
		case g.running == g.limit:
			g.waiting.push(t)
			continue
		default:
			g.running++
		}
		t.Assignment.running++
		return t
	}
	return nil
}

// Release ends a task: the next one of its key may run, and the next one that
// waits for its gate.
func (l *Lanes) Release(t *Task) {
	t.Assignment.running--
	if t.Gate != nil {
		t.Gate.running--
		l.open(t.Gate)
	}
	l.advance(t)
}

// open lets one task that waits for the gate try again.
func (l *Lanes) open(g *Gate) {
	if g == nil || g.running == g.limit {
		return
	}
	if t := g.waiting.pop(); t != nil {
		l.ready.push(t)
	}
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

// queue is a list of tasks, linked through them.
type queue struct {
	head, tail *Task
	len        int
}

func (q *queue) push(t *Task) {
	if q.tail == nil {
		q.head = t
	} else {
		q.tail.queued = t
	}
	q.tail = t
	q.len++
}

func (q *queue) pop() *Task {
	t := q.head
	if t == nil {
		return nil
	}
	q.head = t.queued
	t.queued = nil
	if q.head == nil {
		q.tail = nil
	}
	q.len--
	return t
}

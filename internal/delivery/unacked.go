package delivery

import "time"

// patience is how many ticks what a handler has sent may wait to be acknowledged.
const patience = 240

// unacked is the tasks of an assignment whose handlers have returned, in that
// order, as long as the broker has not acknowledged everything that they sent. It
// knows which ones have waited for too long (semantics 3.9).
//
// Its clock is ticks, which are given only while the broker acknowledges anything
// at all: while it is away nobody is late. Ages are known by how many tasks had
// been added at each tick, so that a task takes no room for its own.
type unacked struct {
	queue
	added, removed uint64
	ticks          [patience]uint64 // added at each of the last ticks
	next           int              // the oldest of these, the next to be replaced
}

// add takes in a task, and moves those to over that were acknowledged at the front.
func (u *unacked) add(t *Task, over *queue) {
	for u.head != nil && u.head.Entry.IsDone() {
		over.push(u.remove())
	}
	u.push(t)
	u.added++
}

func (u *unacked) remove() *Task {
	u.removed++
	return u.pop()
}

// tick removes the tasks that have waited for patience ticks, and returns those
// that are not done. The others move to over.
func (u *unacked) tick(over *queue) (overdue []*Task) {
	until := u.ticks[u.next]
	u.ticks[u.next] = u.added
	u.next = (u.next + 1) % patience
	for u.removed < until {
		if t := u.remove(); t.Entry.IsDone() {
			over.push(t)
		} else {
			t.tardy = true
			overdue = append(overdue, t)
		}
	}
	return overdue
}

// Finish takes in that the handler of a task has returned, see [Lanes.Finish].
func (e *Engine) Finish(t *Task, o Outcome, now time.Time) {
	e.Lanes.Finish(t, o, now)
	if o.Retry.IsZero() {
		e.Await(t)
	}
}

// Await takes in that a task waits for what it has sent to be acknowledged.
func (e *Engine) Await(t *Task) {
	switch {
	case !t.Entry.IsDone():
		t.Assignment.unacked.add(t, &e.over)
	case !t.tardy:
		e.over.push(t)
	}
}

// Over returns a task that is done, or nil. The engine does not need it any more, and
// so its memory can be used for another. There are tasks that Over never returns: those
// that are done after their assignment has ended, or were overdue.
func (e *Engine) Over() *Task { return e.over.pop() }

// Overdue returns the tasks that have waited for the broker to acknowledge what
// they sent for a minute in which it acknowledged other things. It is to be called
// each 250 milliseconds, unless the broker seems to be away.
func (e *Engine) Overdue() (overdue []*Task) {
	for _, a := range e.assigned {
		if !a.revoked {
			overdue = append(overdue, a.unacked.tick(&e.over)...)
		}
	}
	return overdue
}

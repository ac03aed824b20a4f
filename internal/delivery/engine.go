package delivery

import (
	"iter"
	"maps"

	"github.com/asynccalls/asynccalls/driver"
)

// Engine decides for one member of a group which record is handled when, and
// which position is committed. Like all of this package it does nothing by
// itself: it is told what happened, and asked what to do. Goroutines do that in
// a service that listens; a test may do it step by step.
type Engine struct {
	Lanes

	bound    Bound
	assigned map[driver.Partition]*Assignment
	repause  bool // the set of paused partitions has changed
	draining bool // nothing more is taken in
	over     queue

	at   driver.Partition // of the record taken in last
	here *Assignment      // of that
}

// NewEngine returns an engine whose windows have the bound b.
func NewEngine(b Bound) *Engine {
	return &Engine{Lanes: *NewLanes(), bound: b, assigned: make(map[driver.Partition]*Assignment)}
}

// Assign takes in that partitions were assigned.
func (e *Engine) Assign(partitions []driver.Partition) {
	for _, p := range partitions {
		e.assigned[p] = NewAssignment(e.bound)
	}
	e.here = nil
	e.repause = true
}

// Empty reports whether no partition is assigned.
func (e *Engine) Empty() bool { return len(e.assigned) == 0 }

// Assigned returns the partitions that are assigned, in any order.
func (e *Engine) Assigned() iter.Seq[driver.Partition] { return maps.Keys(e.assigned) }

// End ends the assignments of partitions, and returns them: nothing of them is
// started any more. Their positions can be committed until they are forgotten.
func (e *Engine) End(partitions []driver.Partition) []*Assignment {
	var ended []*Assignment
	for _, p := range partitions {
		if a := e.assigned[p]; a != nil {
			e.Revoke(a)
			ended = append(ended, a)
		}
	}
	return ended
}

// Forget takes in that partitions belong to others now.
func (e *Engine) Forget(partitions []driver.Partition) {
	for _, p := range partitions {
		delete(e.assigned, p)
	}
	e.here = nil
	e.repause = true
}

// Drain ends all assignments and returns them; nothing more is taken in, and all
// partitions are to be paused.
func (e *Engine) Drain() []*Assignment {
	e.draining, e.repause = true, true
	all := make([]*Assignment, 0, len(e.assigned))
	for _, a := range e.assigned {
		e.Revoke(a)
		all = append(all, a)
	}
	return all
}

// Take takes in a record that was received, as a task. It reports whether the
// record is to be handled: not one of a partition that is not assigned.
func (e *Engine) Take(t *Task, r *driver.Record, bytes int) bool {
	p := driver.Partition{Topic: r.Topic, ID: r.Partition}
	if e.here == nil || e.at != p {
		e.at, e.here = p, e.assigned[p]
	}
	a := e.here
	if a == nil || a.revoked {
		return false
	}
	t.Assignment = a
	t.Entry = a.Window.Add(r.Offset, r.Epoch, bytes)
	e.Add(t, p, r.Key)
	return true
}

// Paused returns the partitions that are to be paused, and whether they have
// changed since it was asked last.
func (e *Engine) Paused() (partitions []driver.Partition, changed bool) {
	e.Relieved()
	for p, a := range e.assigned {
		if a.Window.paused || e.draining {
			partitions = append(partitions, p)
		}
	}
	changed = e.repause
	e.repause = false
	return partitions, changed
}

// Relieved reports whether the set of paused partitions has changed since Paused
// was asked.
func (e *Engine) Relieved() bool {
	for _, a := range e.assigned {
		a.Window.Advance()
		_, changed := a.Window.Pressure()
		e.repause = e.repause || changed
	}
	return e.repause
}

// Fill returns how full the fullest window is, 1 being its bound, and how many
// windows have reached that and are not half empty yet.
func (e *Engine) Fill() (fullest float64, paused int) {
	for _, a := range e.assigned {
		fullest = max(fullest, a.Window.fill())
		if a.Window.paused {
			paused++
		}
	}
	return fullest, paused
}

// Pending reports whether any record is not done, or done and not committed.
func (e *Engine) Pending() bool {
	for _, a := range e.assigned {
		if _, _, ok := a.Window.Uncommitted(); ok || a.Window.Len() > 0 {
			return true
		}
	}
	return false
}

// A Commit is what is to be committed.
type Commit struct {
	Positions []driver.Position
	windows   []*Window
}

// Commit returns what is done and not committed.
func (e *Engine) Commit() *Commit {
	c := &Commit{}
	for p, a := range e.assigned {
		a.Window.Advance()
		if offset, epoch, ok := a.Window.Uncommitted(); ok {
			c.Positions = append(c.Positions, driver.Position{Partition: p, Offset: offset, Epoch: epoch})
			c.windows = append(c.windows, a.Window)
		}
	}
	return c
}

// Committed takes in that the broker has stored c.
func (e *Engine) Committed(c *Commit) {
	for i, w := range c.windows {
		w.Committed(c.Positions[i].Offset)
	}
}

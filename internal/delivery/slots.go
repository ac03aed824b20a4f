package delivery

import "slices"

// Slots bounds how many handlers run at a time. One that waits for something
// else gives its slot away, and takes one again before it goes on
// (semantics 2.4).
type Slots struct {
	limit     int
	taken     int
	lent      int
	returning []*Slot // that want to go on, the first come first
}

// Slot is the part of one run of a handler. It is used for one run only.
type Slot struct {
	// Turn is closed when a run that waits for a slot may go on. It is made by
	// whoever waits.
	Turn chan struct{}

	waits int32 // goroutines of the handler that wait for something else
	held  bool
	over  bool
}

// Held reports whether the run has its slot: it does not while it waits for something
// else.
func (r *Slot) Held() bool { return r.held }

// NewSlots returns slots for limit handlers.
func NewSlots(limit int) *Slots { return &Slots{limit: limit} }

// Free reports whether another handler may start. Those that return from
// waiting have come first.
func (s *Slots) Free() bool { return s.taken < s.limit }

// Lent returns how many handlers have given their slot away.
func (s *Slots) Lent() int { return s.lent }

// Take gives a run that starts its slot.
func (s *Slots) Take(r *Slot) {
	r.held = true
	s.taken++
}

// Release takes the slot of a run back that has ended.
func (s *Slots) Release(r *Slot) {
	switch {
	case r.held:
		s.free(r)
	case r.waits > 0:
		s.lent--
	case s.leave(r):
		close(r.Turn)
	}
	r.over = true
	s.goOn()
}

// Lend takes in that a goroutine of the handler begins to wait for something
// else.
func (s *Slots) Lend(r *Slot) {
	r.waits++
	if r.over || r.waits > 1 {
		return
	}
	if r.held {
		s.free(r)
	} else {
		s.leave(r) // another goroutine of the handler waits for the slot: it may go on without
		close(r.Turn)
	}
	s.lent++
	s.goOn()
}

// Return takes in that the wait is over. It reports whether the run may go on;
// if not, it may when its Turn is closed.
func (s *Slots) Return(r *Slot) bool {
	r.waits--
	if r.waits > 0 || r.over {
		return true
	}
	s.lent--
	if s.Free() {
		s.Take(r)
		return true
	}
	r.Turn = make(chan struct{})
	s.returning = append(s.returning, r)
	return false
}

// Abandon lets a run go on that can't wait for its turn any longer.
func (s *Slots) Abandon(r *Slot) {
	if s.leave(r) {
		s.Take(r)
	}
}

func (s *Slots) free(r *Slot) {
	r.held = false
	s.taken--
}

// goOn gives free slots to those that wait for one.
func (s *Slots) goOn() {
	for len(s.returning) > 0 && s.taken < s.limit {
		r := s.returning[0]
		s.returning = slices.Delete(s.returning, 0, 1)
		s.Take(r)
		close(r.Turn)
	}
}

func (s *Slots) leave(r *Slot) bool {
	i := slices.Index(s.returning, r)
	if i < 0 {
		return false
	}
	s.returning = slices.Delete(s.returning, i, i+1)
	return true
}

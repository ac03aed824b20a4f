package replies

import (
	"math/bits"
	"time"
)

// A deadline is rounded up to a tick; the wheel turns once in about 33 seconds,
// a little more than the default deadline of a call. Deadlines further away
// stay in their bucket for more than one turn.
const (
	tick    = 8 * time.Millisecond
	buckets = 4096
	none    = -1

	chunkBits = 10
	chunkSize = 1 << chunkBits
)

// Slots is the table of pending calls. A response names the place of its call
// and the generation of that place, so finding the call is one look at an
// array, and a response to a call that has ended finds nothing. Deadlines are
// kept in a timer wheel threaded through the table: no timer and no allocation
// for each call.
type Slots[T any] struct {
	chunks [][]slot[T]
	free   int32 // head of the list of free slots, linked by next
	used   int32 // slots ever used
	len    int

	epoch time.Time // tick 0
	now   int64     // the last tick that Expired looked at
	wheel [buckets]int32
	live  [buckets / 64]uint64 // a bit for each bucket that is not empty
}

type slot[T any] struct {
	value      T
	deadline   int64 // in ticks
	generation uint32
	next, prev int32 // in the bucket, or in the free list
	pending    bool
}

// NewSlots returns an empty table whose clock starts at now.
func NewSlots[T any](now time.Time) *Slots[T] {
	s := &Slots[T]{free: none, epoch: now}
	for i := range s.wheel {
		s.wheel[i] = none
	}
	return s
}

// Len returns the number of pending calls.
func (s *Slots[T]) Len() int { return s.len }

// Add registers a call and returns its place. A generation is never 0.
func (s *Slots[T]) Add(v T, deadline time.Time) (place, generation uint32) {
	i := s.take()
	p := s.at(i)
	p.value, p.pending = v, true
	p.deadline = max(s.ticks(deadline)+1, s.now+1)
	s.link(i, p)
	s.len++
	return uint32(i), p.generation //nolint:gosec // i is not negative
}

// Get returns the pending call at a place.
func (s *Slots[T]) Get(place, generation uint32) (v T, ok bool) {
	if p := s.find(place, generation); p != nil {
		return p.value, true
	}
	return v, false
}

// Remove ends the call at a place, and reports whether it was pending.
func (s *Slots[T]) Remove(place, generation uint32) bool {
	p := s.find(place, generation)
	if p == nil {
		return false
	}
	s.remove(int32(place), p) //nolint:gosec // a place that was found is a small number
	return true
}

// Expired removes the calls whose deadline has passed and appends them to dst.
func (s *Slots[T]) Expired(dst []T, now time.Time) []T {
	until := s.ticks(now)
	if until-s.now >= buckets {
		s.now = until - buckets // one whole turn looks at every bucket
	}
	for s.now < until {
		s.now++
		b := s.now % buckets
		for i := s.wheel[b]; i != none; {
			p := s.at(i)
			next := p.next
			if p.deadline <= until {
				dst = append(dst, p.value)
				s.remove(i, p)
			}
			i = next
		}
	}
	return dst
}

// Next returns when Expired should be called next; ok is false if no call is
// pending. It may be too early, never too late.
func (s *Slots[T]) Next() (at time.Time, ok bool) {
	if s.len == 0 {
		return time.Time{}, false
	}
	start := s.now + 1
	for d := int64(0); d < buckets; {
		b := (start + d) % buckets
		word := s.live[b/64] >> (b % 64)
		if word != 0 {
			d += int64(bits.TrailingZeros64(word))
			return s.epoch.Add(time.Duration(start+d) * tick), true
		}
		d += 64 - b%64
	}
	return s.epoch.Add(time.Duration(start+buckets) * tick), true
}

// All appends all pending calls to dst.
func (s *Slots[T]) All(dst []T) []T {
	for i := range s.used {
		if p := s.at(i); p.pending {
			dst = append(dst, p.value)
		}
	}
	return dst
}

func (s *Slots[T]) ticks(t time.Time) int64 { return int64(t.Sub(s.epoch) / tick) }

func (s *Slots[T]) at(i int32) *slot[T] { return &s.chunks[i>>chunkBits][i&(chunkSize-1)] }

func (s *Slots[T]) find(place, generation uint32) *slot[T] {
	if place >= uint32(s.used) { //nolint:gosec // used is not negative
		return nil
	}
	p := s.at(int32(place)) //nolint:gosec // smaller than used
	if !p.pending || p.generation != generation {
		return nil
	}
	return p
}

func (s *Slots[T]) take() int32 {
	if i := s.free; i != none {
		s.free = s.at(i).next
		return i
	}
	if int(s.used)>>chunkBits == len(s.chunks) {
		s.chunks = append(s.chunks, make([]slot[T], chunkSize))
	}
	s.used++
	s.at(s.used - 1).generation = 1
	return s.used - 1
}

func (s *Slots[T]) link(i int32, p *slot[T]) {
	b := p.deadline % buckets
	p.prev, p.next = none, s.wheel[b]
	if p.next != none {
		s.at(p.next).prev = i
	}
	s.wheel[b] = i
	s.live[b/64] |= 1 << (b % 64)
}

func (s *Slots[T]) remove(i int32, p *slot[T]) {
	b := p.deadline % buckets
	if p.prev == none {
		s.wheel[b] = p.next
	} else {
		s.at(p.prev).next = p.next
	}
	if p.next != none {
		s.at(p.next).prev = p.prev
	}
	if s.wheel[b] == none {
		s.live[b/64] &^= 1 << (b % 64)
	}
	var zero T
	p.value, p.pending = zero, false
	p.generation = max(p.generation+1, 1)
	p.next, s.free = s.free, i
	s.len--
}

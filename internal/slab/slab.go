// Package slab keeps objects of one type for use again and again, as a sync.Pool
// does, but in rows: objects that are taken one after the other lie one after the
// other in memory. Whoever goes through them in about that order, as a driver does
// through the records that the broker acknowledges, waits less for memory.
package slab

import (
	"sync"
	"sync/atomic"
)

// length is how many objects are in a row.
const length = 16

// Slab is a set of objects. The zero Slab is ready for use, by any number of
// goroutines at once.
type Slab[T any] struct {
	rows sync.Pool // of *Row[T] from which an object can be taken
}

// Row is the memory of some objects. It is used again when all have been taken and
// given back.
type Row[T any] struct {
	slab    *Slab[T]
	taken   int // by whoever has the row out of the pool
	back    atomic.Int32
	objects [length]T
}

// Get returns an object, and the row to which it is given back. The object is
// zero, or as it was when it was last given back.
func (s *Slab[T]) Get() (*T, *Row[T]) {
	r, _ := s.rows.Get().(*Row[T])
	if r == nil {
		r = &Row[T]{slab: s}
	}
	o := &r.objects[r.taken]
	if r.taken++; r.taken < length {
		s.rows.Put(r)
	}
	return o, r
}

// Put gives an object of the row back, which is not used any more.
func (r *Row[T]) Put() {
	if r.back.Add(1) == length {
		r.back.Store(0)
		r.taken = 0
		r.slab.rows.Put(r)
	}
}

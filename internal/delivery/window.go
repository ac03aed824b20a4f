package delivery

import (
	"math"
	"sync/atomic"
)

// Entry is one record in a [Window]. It does not hold the record, so that what is
// done takes little room while something before it is not; and no pointers, so
// that a million of them are nothing to the garbage collector.
type Entry struct {
	offset int64
	bytes  int32
	epoch  int32
	done   atomic.Bool
}

// IsDone reports whether the record is done.
func (e *Entry) IsDone() bool { return e.done.Load() }

// blockSize is how many entries are allocated at once.
const blockSize = 128

// block is a piece of a window.
type block struct {
	next    *block
	entries [blockSize]Entry
}

// Bound is how much a [Window] may hold before its partition is paused.
type Bound struct {
	Records int // from the first that is not done to the newest
	Bytes   int // of these, and taskBytes for each that is not done
}

// taskBytes is about what a record takes besides its content until it is done.
const taskBytes = 1024

// Window holds the records of one assigned partition from the first that is not
// done to the newest received, and so knows the commit point (semantics 2.1).
// Offsets may have gaps: the commit point follows the records that were
// delivered, it never counts.
type Window struct {
	bound  Bound
	head   *block // of the first entry that is not done
	first  int    // that entry
	tail   *block // of the next entry
	free   int    // that entry
	added  int64
	done   atomic.Int64 // of those added
	len    int
	bytes  int
	paused bool

	offset    int64 // of the commit point
	epoch     int32
	moved     bool  // the commit point has a value
	committed int64 // what the broker acknowledged last, -1 for nothing
}

// NewWindow returns an empty window.
func NewWindow(b Bound) *Window {
	return &Window{bound: b, epoch: -1, committed: -1}
}

// Add appends a record, and returns its entry. Offsets must ascend. Its content of
// so many bytes is taken to be kept as long as it is in the window, since client
// libraries keep records in batches.
func (w *Window) Add(offset int64, epoch int32, bytes int) *Entry {
	if w.tail == nil || w.free == blockSize {
		w.grow()
	}
	e := &w.tail.entries[w.free]
	w.free++
	w.len++
	e.offset, e.epoch = offset, epoch
	e.bytes = int32(min(bytes, math.MaxInt32)) //nolint:gosec // it fits
	w.bytes += int(e.bytes)
	w.added++
	return e
}

// Done marks a record as done: it needs no further work, now or after a restart.
// It is safe to call from any goroutine, and more than once.
func (w *Window) Done(e *Entry) {
	if !e.done.Swap(true) {
		w.done.Add(1)
	}
}

func (w *Window) grow() {
	b := new(block)
	if w.tail == nil {
		w.head = b
	} else {
		w.tail.next = b
	}
	w.tail, w.free = b, 0
}

// Advance moves the commit point over the records that are done at the front.
func (w *Window) Advance() {
	for w.len > 0 {
		if w.first == blockSize {
			w.head, w.first = w.head.next, 0
		}
		e := &w.head.entries[w.first]
		if !e.done.Load() {
			return
		}
		w.first++
		w.len--
		w.bytes -= int(e.bytes)
		w.offset, w.epoch, w.moved = e.offset+1, e.epoch, true
	}
}

// Uncommitted returns the commit point if the broker does not have it yet.
func (w *Window) Uncommitted() (offset int64, epoch int32, ok bool) {
	return w.offset, w.epoch, w.moved && w.offset > w.committed
}

// Committed tells the window that the broker stored offset.
func (w *Window) Committed(offset int64) { w.committed = max(w.committed, offset) }

// Len returns the number of records in the window.
func (w *Window) Len() int { return w.len }

// Pressure says whether the partition should be paused now, and whether that
// changed since it was asked last. A window pauses when it reaches its bound and
// resumes at half of it, so that a partition does not alternate with every
// record (semantics 2.4).
func (w *Window) Pressure() (paused, changed bool) {
	before := w.paused
	bytes := w.held()
	if before {
		w.paused = w.len > w.bound.Records/2 || bytes > w.bound.Bytes/2
	} else {
		w.paused = w.len >= w.bound.Records || bytes >= w.bound.Bytes
	}
	return w.paused, w.paused != before
}

// held returns the bytes that count for the bound.
func (w *Window) held() int { return w.bytes + taskBytes*int(w.added-w.done.Load()) }

// fill returns how full the window is, 1 being its bound.
func (w *Window) fill() float64 {
	return max(float64(w.len)/float64(w.bound.Records), float64(w.held())/float64(w.bound.Bytes))
}

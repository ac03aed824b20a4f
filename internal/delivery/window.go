package delivery

import "sync/atomic"

// Entry is one record in a [Window]. It is meant to be embedded in whatever
// handles the record, so that tracking it costs no allocation.
type Entry struct {
	next   *Entry
	offset int64
	bytes  int
	epoch  int32
	done   atomic.Bool
}

// Done marks the record as done: it needs no further work, now or after a
// restart. It is safe to call from any goroutine, and more than once.
func (e *Entry) Done() { e.done.Store(true) }

// IsDone reports whether Done was called.
func (e *Entry) IsDone() bool { return e.done.Load() }

// Bound is how much a [Window] may hold before its partition is paused.
type Bound struct {
	Records int
	Bytes   int
}

// Window holds the records of one assigned partition from the first that is not
// done to the newest received, and so knows the commit point (semantics 2.1).
// Offsets may have gaps: the commit point follows the records that were
// delivered, it never counts.
type Window struct {
	bound   Bound
	head    *Entry
	tail    *Entry
	records int
	bytes   int
	paused  bool

	offset    int64 // of the commit point
	epoch     int32
	moved     bool  // the commit point has a value
	committed int64 // what the broker acknowledged last, -1 for nothing
}

// NewWindow returns an empty window.
func NewWindow(b Bound) *Window {
	return &Window{bound: b, epoch: -1, committed: -1}
}

// Add appends a record. Offsets must ascend.
func (w *Window) Add(e *Entry, offset int64, epoch int32, bytes int) {
	e.offset, e.epoch, e.bytes = offset, epoch, bytes
	if w.tail == nil {
		w.head = e
	} else {
		w.tail.next = e
	}
	w.tail = e
	w.records++
	w.bytes += bytes
}

// Advance moves the commit point over the records that are done at the front.
func (w *Window) Advance() {
	for e := w.head; e != nil && e.done.Load(); e = w.head {
		w.head = e.next
		e.next = nil // a record that somebody keeps must not keep those behind it
		w.offset, w.epoch, w.moved = e.offset+1, e.epoch, true
		w.records--
		w.bytes -= e.bytes
	}
	if w.head == nil {
		w.tail = nil
	}
}

// Uncommitted returns the commit point if the broker does not have it yet.
func (w *Window) Uncommitted() (offset int64, epoch int32, ok bool) {
	return w.offset, w.epoch, w.moved && w.offset > w.committed
}

// Committed tells the window that the broker stored offset.
func (w *Window) Committed(offset int64) { w.committed = max(w.committed, offset) }

// Len returns the number of records in the window.
func (w *Window) Len() int { return w.records }

// Pressure says whether the partition should be paused now, and whether that
// changed since it was asked last. A window pauses when it reaches its bound and
// resumes at half of it, so that a partition does not alternate with every
// record (semantics 2.4).
func (w *Window) Pressure() (paused, changed bool) {
	before := w.paused
	if before {
		w.paused = w.records > w.bound.Records/2 || w.bytes > w.bound.Bytes/2
	} else {
		w.paused = w.records >= w.bound.Records || w.bytes >= w.bound.Bytes
	}
	return w.paused, w.paused != before
}

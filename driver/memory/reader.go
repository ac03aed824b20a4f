package memory

import (
	"context"
	"io"
	"slices"

	"github.com/asynccalls/asynccalls/driver"
)

// A reader receives from the partitions it has cursors for.
type reader struct {
	driver *Driver
	wake   chan struct{} // gets an element when a reader that waits is to look again

	// All below is guarded by the lock of the driver.
	turn    func() func(context.Context) // returns what to call before receiving, or nil; nil without a group
	waiting bool
	closed  bool
	cursors []*cursor
	first   int // cursor to begin with, so that all have their turn
	paused  map[driver.Partition]bool
}

// A single is a reader of one partition, without a group.
type single struct {
	*reader
	cursor *cursor
}

var _ interface {
	driver.Reader
	Position() int64
} = (*single)(nil)

// Position returns the offset of the next record, see [driver.Reader].
func (s *single) Position() int64 {
	s.driver.mu.Lock()
	defer s.driver.mu.Unlock()
	return s.cursor.offset
}

// newReader returns a reader without cursors. The caller holds the lock.
func newReader(d *Driver) *reader {
	r := &reader{driver: d, wake: make(chan struct{}, 1)}
	d.readers[r] = struct{}{}
	return r
}

// Receive implements [driver.Reader].
func (r *reader) Receive(ctx context.Context, buf []driver.Record) (int, error) {
	for {
		n, call, err := r.step(ctx, buf)
		switch {
		case err != nil:
			return 0, err
		case call != nil:
			call(ctx)
		case n > 0:
			var own arena
			for i := range buf[:n] {
				own.record(&buf[i])
			}
			return n, nil
		default:
			select {
			case <-r.wake:
			case <-ctx.Done():
			}
		}
	}
}

// Pause implements [driver.Reader].
func (r *reader) Pause(all []driver.Partition) {
	r.driver.mu.Lock()
	defer r.driver.mu.Unlock()
	r.paused = make(map[driver.Partition]bool, len(all))
	for _, p := range all {
		r.paused[p] = true
	}
	for _, c := range r.cursors {
		c.paused = r.paused[c.log.partition]
	}
}

// Close implements [driver.Reader].
func (r *reader) Close() error {
	r.driver.mu.Lock()
	defer r.driver.mu.Unlock()
	r.end()
	return nil
}

// step does what can be done at once: it fills buf, returns what to call
// without the lock, or notes that the reader waits.
func (r *reader) step(ctx context.Context, buf []driver.Record) (int, func(context.Context), error) {
	r.driver.mu.Lock()
	defer r.driver.mu.Unlock()
	r.waiting = false
	if r.closed {
		return 0, nil, io.EOF
	}
	if err := ctx.Err(); err != nil {
		return 0, nil, err
	}
	for _, c := range r.cursors {
		if lost := c.loss(); lost != nil {
			return 0, nil, lost
		}
	}
	if r.turn != nil {
		if call := r.turn(); call != nil {
			return 0, call, nil
		}
	}
	n := r.fill(buf)
	r.waiting = n == 0
	return n, nil, nil
}

// fill moves records to buf, and returns their number.
func (r *reader) fill(buf []driver.Record) int {
	n := 0
	for i := range r.cursors {
		n += r.cursors[(r.first+i)%len(r.cursors)].read(buf[n:])
	}
	r.first++
	return n
}

// attach adds a cursor, and returns it. The caller holds the lock.
func (r *reader) attach(l *log, offset int64) *cursor {
	c := &cursor{reader: r, log: l, offset: offset, paused: r.paused[l.partition]}
	r.cursors = append(r.cursors, c)
	l.cursors = append(l.cursors, c)
	return c
}

// detach ends the cursors of partitions, and their pause. The caller holds the
// lock.
func (r *reader) detach(partitions []driver.Partition) {
	r.cursors = slices.DeleteFunc(r.cursors, func(c *cursor) bool {
		if !slices.Contains(partitions, c.log.partition) {
			return false
		}
		c.detach()
		delete(r.paused, c.log.partition)
		return true
	})
}

// partitions returns those that the reader has cursors for. The caller holds the
// lock.
func (r *reader) partitions() []driver.Partition {
	partitions := make([]driver.Partition, len(r.cursors))
	for i, c := range r.cursors {
		partitions[i] = c.log.partition
	}
	return partitions
}

// signal wakes the reader if it waits. The caller holds the lock.
func (r *reader) signal() {
	if !r.waiting {
		return
	}
	r.waiting = false
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// end closes the reader. The caller holds the lock.
func (r *reader) end() {
	if r.closed {
		return
	}
	r.closed = true
	r.detach(r.partitions())
	delete(r.driver.readers, r)
	r.signal()
}

package franz

import (
	"context"
	"slices"
	"sync"

	"github.com/asynccalls/asynccalls/driver"
)

// A buffer counts the records on their way, and bounds them. A record takes its
// space before it is handed to the client library, which itself has no bound:
// there the context that bounds the wait would stay with the record.
type buffer struct {
	maxRecords, maxBytes int64

	mu             sync.Mutex // guards all below
	records, bytes int64
	taken          uint64    // number of records that took space so far
	waiting        []*waiter // first come, first served; unbounded: each is a blocked caller
	current        *wave     // of records handed over from now on
	earlier        []*wave   // sealed by a flush, not yet empty
	closed         bool
}

// A wave is the records handed over between two flushes.
type wave struct {
	records int
	sealed  bool
	done    chan struct{} // closed when sealed and empty
}

type waiter struct {
	bytes int64
	ready chan space // gets one value; a zero one if the buffer was closed
}

// A space is what one record takes of the buffer.
type space struct {
	wave  *wave
	bytes int64
	turn  uint64 // orders the records by when they took their space
}

func newBuffer(maxRecords, maxBytes int64) *buffer {
	return &buffer{maxRecords: maxRecords, maxBytes: maxBytes, current: newWave()}
}

func newWave() *wave { return &wave{done: make(chan struct{})} }

// take waits for space. It returns the error of ctx if that ends first.
func (b *buffer) take(ctx context.Context, bytes int64) (space, error) {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return space{}, errClosed
	}
	if len(b.waiting) == 0 && b.fits(bytes) {
		s := b.add(bytes)
		b.mu.Unlock()
		return s, nil
	}
	w := &waiter{bytes: bytes, ready: make(chan space, 1)}
	b.waiting = append(b.waiting, w)
	b.mu.Unlock()

	select {
	case s := <-w.ready:
		return s.orClosed()
	case <-ctx.Done():
	}
	if b.leave(w) {
		return space{}, ctx.Err()
	}
	return (<-w.ready).orClosed()
}

func (s space) orClosed() (space, error) {
	if s.wave == nil {
		return s, errClosed
	}
	return s, nil
}

// leave takes a waiter out of the line. It returns false if its turn has come
// already.
func (b *buffer) leave(w *waiter) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.Index(b.waiting, w)
	if i < 0 {
		return false
	}
	b.waiting = slices.Delete(b.waiting, i, i+1)
	b.grant()
	return true
}

// give returns the space of a record.
func (b *buffer) give(s space) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.records--
	b.bytes -= s.bytes
	s.wave.records--
	s.wave.endIfEmpty()
	b.grant()
}

func (b *buffer) fits(bytes int64) bool {
	return b.records < b.maxRecords && b.bytes+bytes <= b.maxBytes
}

func (b *buffer) add(bytes int64) space {
	b.records++
	b.bytes += bytes
	b.taken++
	b.current.records++
	return space{wave: b.current, bytes: bytes, turn: b.taken}
}

func (b *buffer) grant() {
	for len(b.waiting) > 0 && b.fits(b.waiting[0].bytes) {
		w := b.waiting[0]
		b.waiting = b.waiting[1:]
		w.ready <- b.add(w.bytes)
	}
}

func (w *wave) endIfEmpty() {
	if w.sealed && w.records == 0 {
		close(w.done)
	}
}

// flush waits until all records that have taken space before have given it
// back.
func (b *buffer) flush(ctx context.Context) error {
	for _, w := range b.seal() {
		select {
		case <-w.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// seal returns the waves that are not empty.
func (b *buffer) seal() []*wave {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.earlier = slices.DeleteFunc(b.earlier, func(w *wave) bool { return w.records == 0 })
	if b.current.records > 0 {
		b.current.sealed = true
		b.earlier = append(b.earlier, b.current)
		b.current = newWave()
	}
	return slices.Clone(b.earlier)
}

// shut refuses all records from now on, also those that wait.
func (b *buffer) shut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for _, w := range b.waiting {
		w.ready <- space{}
	}
	b.waiting = nil
}

// size is what a record takes of the buffer, in bytes.
func size(r *driver.Record) int64 {
	n := len(r.Key) + len(r.Value)
	for i := range r.Headers {
		n += len(r.Headers[i].Key) + len(r.Headers[i].Value)
	}
	return int64(n)
}

package drivers

import (
	"context"
	"slices"
	"sync"

	"github.com/asynccalls/asynccalls/driver"
)

// A Buffer counts the records on their way, and bounds them. A record takes its
// space before it is handed to the client library, which itself has no bound:
// there the context that bounds the wait would stay with the record.
type Buffer struct {
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
	ready chan Space // gets one value; a zero one if the buffer was closed
}

// A Space is what one record takes of the buffer.
type Space struct {
	wave  *wave
	Bytes int64
	Turn  uint64 // orders the records by when they took their space
}

// NewBuffer returns an empty buffer with these bounds.
func NewBuffer(maxRecords, maxBytes int64) *Buffer {
	return &Buffer{maxRecords: maxRecords, maxBytes: maxBytes, current: newWave()}
}

func newWave() *wave { return &wave{done: make(chan struct{})} }

// Take waits for space. It returns the error of ctx if that ends first.
func (b *Buffer) Take(ctx context.Context, bytes int64) (Space, error) {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return Space{}, ErrClosed
	}
	if len(b.waiting) == 0 && b.fits(bytes) {
		s := b.add(bytes)
		b.mu.Unlock()
		return s, nil
	}
	w := &waiter{bytes: bytes, ready: make(chan Space, 1)}
	b.waiting = append(b.waiting, w)
	b.mu.Unlock()

	select {
	case s := <-w.ready:
		return s.orClosed()
	case <-ctx.Done():
	}
	if b.leave(w) {
		return Space{}, ctx.Err()
	}
	return (<-w.ready).orClosed()
}

func (s Space) orClosed() (Space, error) {
	if s.wave == nil {
		return s, ErrClosed
	}
	return s, nil
}

// MaxBytes returns how many bytes fit.
func (b *Buffer) MaxBytes() int64 { return b.maxBytes }

// leave takes a waiter out of the line. It returns false if its turn has come
// already.
func (b *Buffer) leave(w *waiter) bool {
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

// Give returns the space of a record.
func (b *Buffer) Give(s Space) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.records--
	b.bytes -= s.Bytes
	s.wave.records--
	s.wave.endIfEmpty()
	b.grant()
}

func (b *Buffer) fits(bytes int64) bool {
	return b.records < b.maxRecords && b.bytes+bytes <= b.maxBytes
}

func (b *Buffer) add(bytes int64) Space {
	b.records++
	b.bytes += bytes
	b.taken++
	b.current.records++
	return Space{wave: b.current, Bytes: bytes, Turn: b.taken}
}

func (b *Buffer) grant() {
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

// Flush waits until all records that have taken space before have given it
// back.
func (b *Buffer) Flush(ctx context.Context) error {
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
func (b *Buffer) seal() []*wave {
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

// Shut refuses all records from now on, also those that wait.
func (b *Buffer) Shut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for _, w := range b.waiting {
		w.ready <- Space{}
	}
	b.waiting = nil
}

// Size is what a record takes of the buffer, in bytes.
func Size(r *driver.Record) int64 {
	n := len(r.Key) + len(r.Value)
	for i := range r.Headers {
		n += len(r.Headers[i].Key) + len(r.Headers[i].Value)
	}
	return int64(n)
}

//go:build cgo

package confluent

import (
	"sync"

	"github.com/asynccalls/asynccalls/driver"
)

// maxQueued and maxQueuedBytes bound what is between the client and Receive. When
// it is full, the client keeps the rest, within bounds of its own.
const maxQueued, maxQueuedBytes = 4096, 4 << 20

// A queue is what was taken from the client and not yet received: the pump puts
// in, Receive takes out.
//
// Among the records may be one whose Tag is a [driver.LostError], which is to be
// reported when it is its turn.
type queue struct {
	wake  chan struct{} // gets a value when there may be something to take
	space chan struct{} // gets a value when there may be space

	mu       sync.Mutex // guards all below
	records  []driver.Record
	head     int // of records: what is before was taken
	bytes    int
	losses   int // among records
	paused   map[driver.Partition]bool
	held     map[driver.Partition]*holding
	resumed  []driver.Partition // held, not paused any more, in the order to be taken
	position int64              // offset of the next record, for a reader of one partition
	passed   int64              // the client has passed all offsets below, and put the records of those
}

func newQueue() *queue {
	return &queue{
		wake:   make(chan struct{}, 1),
		space:  make(chan struct{}, 1),
		paused: map[driver.Partition]bool{},
		held:   map[driver.Partition]*holding{},
	}
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// put appends records. It empties the slice.
func (q *queue) put(records []driver.Record, bytes, losses int) {
	q.mu.Lock()
	if q.head > 0 && len(q.records)+len(records) > cap(q.records) {
		n := copy(q.records, q.records[q.head:])
		clear(q.records[n:])
		q.records, q.head = q.records[:n], 0
	}
	q.records = append(q.records, records...)
	q.bytes += bytes
	q.losses += losses
	q.mu.Unlock()
	clear(records)
	poke(q.wake)
}

// pass says that the client has passed an offset without a record.
func (q *queue) pass(offset int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.passed = offset
}

// awaitSpace waits until there is space, or until done is closed.
func (q *queue) awaitSpace(done <-chan struct{}) {
	for q.isFull() {
		select {
		case <-q.space:
		case <-done:
			return
		}
	}
}

func (q *queue) isFull() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.records)-q.head >= maxQueued || q.bytes >= maxQueuedBytes
}

// take moves records that are not paused to buf. It returns a loss instead if it
// is the turn of one, and the partitions that the client should pause.
func (q *queue) take(buf []driver.Record) (n int, lost *driver.LostError, full []driver.Partition) {
	q.mu.Lock()
	defer q.mu.Unlock()
	more := true
	for more && len(q.resumed) > 0 {
		n, lost, more = q.takeHeld(buf, n)
	}
	switch {
	case !more:
	case len(q.paused) == 0 && q.losses == 0:
		n += q.takeMany(buf[n:])
	default:
		n, lost, full = q.takeSome(buf, n)
	}
	if n > 0 {
		q.position = buf[n-1].Offset + 1
	}
	if lost != nil {
		q.position = lost.To
	}
	return n, lost, full
}

// takeHeld takes from the first partition that was resumed. It reports whether
// there is space, and no loss, so that more can be taken.
func (q *queue) takeHeld(buf []driver.Record, n int) (taken int, lost *driver.LostError, more bool) {
	p := q.resumed[0]
	h := q.held[p]
	for i := range h.records {
		loss, isLoss := h.records[i].Tag.(*driver.LostError)
		switch {
		case n == len(buf), isLoss && n > 0:
			h.records = h.records[i:]
			return n, nil, false
		case isLoss:
			h.records = h.records[i+1:]
			return 0, loss, false
		}
		buf[n] = h.records[i]
		n++
	}
	q.resumed = q.resumed[1:]
	delete(q.held, p)
	return n, nil, true
}

// takeMany takes records when none needs a closer look.
func (q *queue) takeMany(buf []driver.Record) int {
	n := copy(buf, q.records[q.head:])
	for i := range buf[:n] {
		q.bytes -= weight(&buf[i])
	}
	clear(q.records[q.head : q.head+n])
	q.advance(n)
	return n
}

// takeSome takes records, and puts those aside that are paused.
func (q *queue) takeSome(
	buf []driver.Record, n int,
) (taken int, lost *driver.LostError, full []driver.Partition) {
	i := q.head
	for ; i < len(q.records) && n < len(buf) && lost == nil; i++ {
		r := &q.records[i]
		loss, isLoss := r.Tag.(*driver.LostError)
		p := driver.Partition{Topic: r.Topic, ID: r.Partition}
		if isLoss && n > 0 && !q.paused[p] {
			break
		}
		q.bytes -= weight(r)
		if isLoss {
			q.losses--
		}
		switch {
		case q.paused[p]:
			if q.hold(p, r) {
				full = append(full, p)
			}
		case isLoss:
			lost = loss
		default:
			buf[n] = *r
			n++
		}
		*r = driver.Record{}
	}
	q.advance(i - q.head)
	return n, lost, full
}

func (q *queue) advance(n int) {
	q.head += n
	if q.head == len(q.records) {
		q.records, q.head = q.records[:0], 0
	}
	poke(q.space)
}

// weight is what a record takes of the bound of a queue.
func weight(r *driver.Record) int { return len(r.Key) + len(r.Value) }

// place returns the offset of the next record of a reader of one partition.
func (q *queue) place() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.head == len(q.records) && len(q.held) == 0 {
		return max(q.position, q.passed)
	}
	return q.position
}

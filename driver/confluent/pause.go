//go:build cgo

package confluent

import "github.com/asynccalls/asynccalls/driver"

// maxHeld and maxHeldBytes bound what is kept of a partition that is paused,
// before the client pauses it as well. That throws away what the client has
// fetched, and fetches it again later; so short pauses are none for the client.
const maxHeld, maxHeldBytes = 1024, 1 << 20

// A holding is what was put of a partition that is paused.
type holding struct {
	records []driver.Record
	bytes   int
	stopped bool // the client has paused the partition, too
}

// pause replaces the set of paused partitions. It returns those that the client
// should resume.
func (q *queue) pause(set map[driver.Partition]bool) []driver.Partition {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.paused = set
	q.resumed = q.resumed[:0]
	var resume []driver.Partition
	for p, h := range q.held {
		if set[p] {
			continue
		}
		q.resumed = append(q.resumed, p)
		if h.stopped {
			h.stopped = false
			resume = append(resume, p)
		}
	}
	return resume
}

// hold puts a record of a paused partition aside. It reports whether the client
// should pause the partition now.
func (q *queue) hold(p driver.Partition, r *driver.Record) bool {
	h := q.held[p]
	if h == nil {
		h = &holding{}
		q.held[p] = h
	}
	h.records = append(h.records, *r)
	h.bytes += weight(r)
	if h.stopped || len(h.records) < maxHeld && h.bytes < maxHeldBytes {
		return false
	}
	h.stopped = true
	return true
}

// drop forgets all of the partitions, and ends their pause. It returns those that
// the client should resume.
func (q *queue) drop(gone []driver.Partition) []driver.Partition {
	set := make(map[driver.Partition]bool, len(gone))
	q.mu.Lock()
	defer q.mu.Unlock()
	var resume []driver.Partition
	paused := make(map[driver.Partition]bool, len(q.paused))
	for p := range q.paused {
		paused[p] = true
	}
	for _, p := range gone {
		set[p] = true
		delete(paused, p)
		if h := q.held[p]; h != nil && h.stopped {
			resume = append(resume, p)
		}
		delete(q.held, p)
	}
	q.paused = paused
	kept := q.resumed[:0]
	for _, p := range q.resumed {
		if !set[p] {
			kept = append(kept, p)
		}
	}
	q.resumed = kept
	q.dropRecords(set)
	return resume
}

func (q *queue) dropRecords(set map[driver.Partition]bool) {
	kept := q.records[:0]
	for i := q.head; i < len(q.records); i++ {
		r := q.records[i]
		if !set[driver.Partition{Topic: r.Topic, ID: r.Partition}] {
			kept = append(kept, r)
			continue
		}
		q.bytes -= weight(&r)
		if r.Tag != nil {
			q.losses--
		}
	}
	clear(q.records[len(kept):])
	q.records, q.head = kept, 0
	poke(q.space)
}

//go:build cgo

package confluent

import (
	"math/rand/v2"
	"testing"

	"github.com/asynccalls/asynccalls/driver"
)

// TestQueue puts records and losses of some partitions, pauses, drops and takes,
// all at random: each partition comes in order and complete, nothing of a paused
// one comes, and the client is told to pause and to resume in turns.
func TestQueue(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 40 {
		m := &queueModel{
			T: t, random: random, queue: newQueue(),
			put: map[int32]int64{}, next: map[int32]int64{}, paused: map[int32]bool{}, stopped: map[int32]bool{},
		}
		for range 300 {
			m.step()
		}
		m.pause() // resumes all
		clear(m.paused)
		for {
			if n, lost := m.take(50); n == 0 && !lost {
				break
			}
		}
		for p, end := range m.put {
			if m.next[p] != end {
				t.Fatalf("partition %d: taken up to %d, put up to %d", p, m.next[p], end)
			}
		}
	}
}

type queueModel struct {
	*testing.T
	random  *rand.Rand
	queue   *queue
	put     map[int32]int64 // offset of the next record to be put, by partition
	next    map[int32]int64 // offset of the next record to be taken
	paused  map[int32]bool
	stopped map[int32]bool // by the client
}

func (m *queueModel) step() {
	switch m.random.IntN(6) {
	case 0, 1:
		m.fill()
	case 2:
		m.pause(m.some()...)
	case 3:
		m.drop(m.some())
	default:
		m.take(1 + m.random.IntN(20))
	}
}

// some returns some of three partitions.
func (m *queueModel) some() []driver.Partition {
	var some []driver.Partition
	for id := range int32(3) {
		if m.random.IntN(3) == 0 {
			some = append(some, driver.Partition{Topic: "topic", ID: id})
		}
	}
	return some
}

func (m *queueModel) fill() {
	var records []driver.Record
	losses := 0
	most := 30
	if m.random.IntN(10) == 0 {
		most = 3 * maxHeld
	}
	for range m.random.IntN(most) {
		p := m.random.Int32N(3)
		r := driver.Record{Topic: "topic", Partition: p, Offset: m.put[p]}
		if m.random.IntN(10) == 0 {
			to := m.put[p] + 5
			r.Tag = &driver.LostError{Partition: driver.Partition{Topic: "topic", ID: p}, From: m.put[p], To: to}
			m.put[p] = to
			losses++
		} else {
			m.put[p]++
		}
		records = append(records, r)
	}
	m.queue.put(records, 0, losses)
}

func (m *queueModel) pause(some ...driver.Partition) {
	clear(m.paused)
	set := map[driver.Partition]bool{}
	for _, p := range some {
		set[p], m.paused[p.ID] = true, true
	}
	m.resumed(m.queue.pause(set))
	for id, stopped := range m.stopped {
		if stopped && !m.paused[id] {
			m.Errorf("partition %d is not paused, but is in the client", id)
		}
	}
}

func (m *queueModel) resumed(all []driver.Partition) {
	for _, p := range all {
		if !m.stopped[p.ID] {
			m.Errorf("partition %d is resumed in the client, but was not paused there", p.ID)
		}
		m.stopped[p.ID] = false
	}
}

func (m *queueModel) drop(some []driver.Partition) {
	m.resumed(m.queue.drop(some))
	for _, p := range some {
		m.next[p.ID] = m.put[p.ID]
		delete(m.paused, p.ID)
	}
}

func (m *queueModel) take(size int) (int, bool) {
	buf := make([]driver.Record, size)
	n, lost, full := m.queue.take(buf)
	for _, p := range full {
		if m.stopped[p.ID] || !m.paused[p.ID] {
			m.Errorf("partition %d is to be paused in the client: paused there %t, here %t",
				p.ID, m.stopped[p.ID], m.paused[p.ID])
		}
		m.stopped[p.ID] = true
	}
	if lost != nil {
		if n > 0 || m.next[lost.ID] != lost.From {
			m.Errorf("lost %v with %d records, want it alone, from %d", lost, n, m.next[lost.ID])
		}
		m.next[lost.ID] = lost.To
	}
	for _, r := range buf[:n] {
		if m.paused[r.Partition] || r.Offset != m.next[r.Partition] || r.Tag != nil {
			m.Fatalf("took offset %d of partition %d (paused %t), want %d",
				r.Offset, r.Partition, m.paused[r.Partition], m.next[r.Partition])
		}
		m.next[r.Partition]++
	}
	return n, lost != nil
}

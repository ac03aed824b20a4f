package drivertest

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/asynccalls/asynccalls/driver"
)

// A member is one member of a group, which receives until it is closed. Its
// methods and [party.await] are for the goroutine of the case.
//
// It checks what holds in every case: that the listener is called only within
// Receive and one call at a time, that nobody is assigned what another one
// owns, that records come from owned partitions which are not paused, and in
// the order of their offsets.
type member struct {
	*party
	Group driver.Group

	onAssigned func(p []driver.Partition)                      // called within Assigned, before the partitions are taken over
	onRevoked  func(ctx context.Context, p []driver.Partition) // called within Revoked, before the partitions are given up
	onReceive  func(records []driver.Record)                   // called after each Receive that returned some
	buffer     int                                             // records a call of Receive can take; default 100

	// All below is guarded by the board of the party.
	receiving, listening    bool
	assigned, revoked, lost int // calls of the listener
	owned                   map[driver.Partition]bool
	paused                  map[driver.Partition]bool
	next                    map[driver.Partition]int64 // offset of the next record
	records                 []driver.Record
	lostRanges              []*driver.LostError
	orders                  []func()
	interrupt               context.CancelFunc
	ended                   error
}

// start makes the member receive, until it is closed.
func (m *member) start(ctx context.Context) *member {
	ctx = context.WithoutCancel(ctx)
	m.f.running.Go(func() { m.run(ctx) })
	return m
}

// do runs an order between two calls of Receive, and returns when that is done.
func (m *member) do(ctx context.Context, order func()) {
	m.f.Helper()
	done := false
	m.update(func() {
		m.orders = append(m.orders, func() {
			order()
			m.update(func() { done = true })
		})
		if m.interrupt != nil {
			m.interrupt()
		}
	})
	m.wait(ctx, "order carried out", func() bool { return done || m.ended != nil })
}

// pause replaces the set of paused partitions.
func (m *member) pause(ctx context.Context, partitions ...driver.Partition) {
	m.f.Helper()
	m.do(ctx, func() { m.pauseNow(partitions...) })
}

// pauseNow is pause for the goroutine that receives.
func (m *member) pauseNow(partitions ...driver.Partition) {
	m.Group.Pause(partitions)
	m.update(func() {
		clear(m.paused)
		for _, p := range partitions {
			m.paused[p] = true
		}
	})
}

// close closes the member, without another call of the listener.
func (m *member) close(ctx context.Context) {
	m.f.Helper()
	m.do(ctx, m.leave)
	m.wait(ctx, "member ended", func() bool { return m.ended != nil })
}

// leave gives up everything and closes the group. It runs between two calls of
// Receive.
func (m *member) leave() {
	m.update(func() {
		for p := range m.owned {
			m.release(p)
		}
	})
	if err := m.Group.Close(); err != nil {
		m.f.Errorf("close member: %v", err)
	}
}

// positions returns what the member would commit, had it handled everything.
func (m *member) positions(partitions ...driver.Partition) []driver.Position {
	m.mu.Lock()
	defer m.mu.Unlock()
	var positions []driver.Position
	for p, next := range m.next {
		if len(partitions) == 0 && m.owned[p] || slices.Contains(partitions, p) {
			positions = append(positions, driver.Position{Partition: p, Offset: next, Epoch: -1})
		}
	}
	return positions
}

func (m *member) run(ctx context.Context) {
	buf := make([]driver.Record, m.buffer)
	for {
		receiving, interrupt := context.WithCancel(ctx)
		var orders []func()
		m.update(func() {
			orders, m.orders = m.orders, nil
			m.interrupt = interrupt
		})
		for _, order := range orders {
			order()
		}
		m.update(func() { m.receiving = true })
		n, err := m.Group.Receive(receiving, buf)
		m.update(func() { m.receiving = false })
		interrupt()
		if !m.take(buf[:max(n, 0)], err) {
			return
		}
		if n > 0 && m.onReceive != nil {
			m.onReceive(buf[:n])
		}
		clear(buf)
	}
}

// take stores what Receive returned. It reports whether to go on.
func (m *member) take(records []driver.Record, err error) bool {
	lost, isLost := errors.AsType[*driver.LostError](err)
	switch {
	case err != nil && len(records) > 0:
		m.f.Errorf("receive returned %d records and error %v, want one of them", len(records), err)
	case err == nil && len(records) == 0:
		m.f.Errorf("receive returned no records and no error")
	case isLost:
		m.update(func() {
			m.lostRanges = append(m.lostRanges, lost)
			delete(m.next, lost.Partition)
		})
	case errors.Is(err, context.Canceled): // there are orders
	case err != nil:
		if !errors.Is(err, io.EOF) {
			m.f.Errorf("receive: %v", err)
		}
		m.update(func() { m.ended = err })
		return false
	}
	m.update(func() {
		for _, r := range records {
			m.check(r)
		}
	})
	return true
}

func (m *member) check(r driver.Record) {
	p := driver.Partition{Topic: r.Topic, ID: r.Partition}
	next, known := m.next[p]
	switch {
	case !m.owned[p]:
		m.f.Errorf("received offset %d of partition %v, which is not assigned", r.Offset, p)
	case m.paused[p]:
		m.f.Errorf("received offset %d of partition %v, which is paused", r.Offset, p)
	case known && r.Offset < next:
		m.f.Errorf("received offset %d of partition %v, want at least %d", r.Offset, p, next)
	}
	m.next[p] = r.Offset + 1
	m.records = append(m.records, r)
}

// Assigned is called by the group.
func (m *member) Assigned(partitions []driver.Partition) {
	defer m.listen("Assigned")()
	if m.onAssigned != nil {
		m.onAssigned(partitions)
	}
	m.update(func() {
		m.assigned++
		for _, p := range partitions {
			if owner := m.owners[p]; owner != nil {
				m.f.Errorf("partition %v is assigned while a member owns it (the same one: %t)", p, owner == m)
			}
			m.owners[p] = m
			m.owned[p] = true
		}
	})
}

// Revoked is called by the group.
func (m *member) Revoked(ctx context.Context, partitions []driver.Partition) {
	defer m.listen("Revoked")()
	if ctx.Err() != nil {
		m.f.Errorf("revoked with a context that has ended: %v", ctx.Err())
	}
	if m.onRevoked != nil {
		m.onRevoked(ctx, partitions)
	}
	m.update(func() {
		m.revoked++
		m.giveUp("revoked", partitions)
	})
}

// Lost is called by the group.
func (m *member) Lost(partitions []driver.Partition) {
	defer m.listen("Lost")()
	m.update(func() {
		m.lost++
		m.losses += len(partitions)
		m.giveUp("lost", partitions)
	})
}

func (m *member) giveUp(how string, partitions []driver.Partition) {
	for _, p := range partitions {
		if !m.owned[p] {
			m.f.Errorf("partition %v is %s, but was not assigned", p, how)
		}
		m.release(p)
	}
}

func (m *member) release(p driver.Partition) {
	delete(m.owned, p)
	delete(m.paused, p)
	delete(m.next, p)
	if m.owners[p] == m {
		delete(m.owners, p)
	}
}

// listen checks the conditions of a call of the listener. The caller calls what
// it returns at the end.
func (m *member) listen(method string) func() {
	m.update(func() {
		if !m.receiving {
			m.f.Errorf("%s is called outside of Receive", method)
		}
		if m.listening {
			m.f.Errorf("%s is called while another method of the listener runs", method)
		}
		m.listening = true
	})
	return func() {
		m.update(func() {
			if !m.receiving {
				m.f.Errorf("%s returns outside of Receive", method)
			}
			m.listening = false
		})
	}
}

// from returns the records of one partition that the member received.
func (m *member) from(p driver.Partition) []driver.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.filter(p)
}

func (m *member) filter(p driver.Partition) []driver.Record {
	return slices.DeleteFunc(slices.Clone(m.records), func(r driver.Record) bool {
		return r.Topic != p.Topic || r.Partition != p.ID
	})
}

// has is for wait: the member has received n records of a partition.
func (m *member) has(n int, p driver.Partition) func() bool {
	return func() bool { return len(m.filter(p)) >= n }
}

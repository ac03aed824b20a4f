//go:build cgo

package confluent

import (
	"context"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

// The following run in the pump, while it asks the client. The client waits for
// each of them to assign, or to take away, whatever happens: it would do so itself
// otherwise, and report errors to a channel that is nil.

func (g *group) onRebalance(_ *kafka.Consumer, event kafka.Event) error {
	g.flush()
	switch e := event.(type) {
	case kafka.AssignedPartitions:
		g.joined = true
		_ = g.consumer.IncrementalAssign(g.onAssigned(e.Partitions))
	case kafka.RevokedPartitions:
		g.onRevoked(partitions(e.Partitions))
		_ = g.consumer.IncrementalUnassign(e.Partitions)
	}
	return nil
}

// onAssigned returns the partitions with the positions to begin at.
func (g *group) onAssigned(all []kafka.TopicPartition) []kafka.TopicPartition {
	added := partitions(all)
	// First, so that it can wait for a commit of what it had before: that must not
	// store anything in the new assignment.
	if !g.within(func() { g.listener.Assigned(added); g.add(added) }) {
		return all
	}
	positions, ids, ok := g.begin(added)
	if !ok {
		return all
	}
	now := time.Now()
	for i, p := range positions {
		at := driver.Partition{Topic: *p.Topic, ID: p.Partition}
		g.tracks[at] = &track{partition: at, next: int64(p.Offset), seen: now, id: ids[i]}
	}
	g.settle(added)
	return positions
}

func (g *group) onRevoked(gone []driver.Partition) {
	if len(gone) > 0 {
		g.within(func() { g.giveUp(gone) })
	}
	for _, p := range gone {
		delete(g.tracks, p)
	}
	g.last = nil
}

func (g *group) giveUp(gone []driver.Partition) {
	if g.consumer.AssignmentLost() {
		g.release(gone)
		g.listener.Lost(gone)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), g.rebalance)
	defer cancel()
	g.listener.Revoked(ctx, gone)
	g.release(gone)
}

// add remembers that partitions are assigned.
func (g *group) add(added []driver.Partition) {
	g.lock.Lock()
	defer g.lock.Unlock()
	for _, p := range added {
		g.assigned[p] = &assignment{}
	}
}

// settle lets partitions be committed: it is known where the group goes on.
func (g *group) settle(known []driver.Partition) {
	g.lock.Lock()
	defer g.lock.Unlock()
	for _, p := range known {
		if a := g.assigned[p]; a != nil {
			a.settled = true
		}
	}
	g.notify()
}

// notify wakes commits that wait. The lock is held.
func (g *group) notify() {
	close(g.changed)
	g.changed = make(chan struct{})
}

// release forgets all about partitions that are not assigned any more.
func (g *group) release(gone []driver.Partition) {
	g.lock.Lock()
	for _, p := range gone {
		delete(g.assigned, p)
	}
	g.notify()
	g.lock.Unlock()
	if resume := g.queue.drop(gone); len(resume) > 0 {
		g.control(func(c *kafka.Consumer) error { return c.Resume(list(resume)) })
	}
}

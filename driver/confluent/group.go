//go:build cgo

package confluent

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

var _ driver.Group = (*group)(nil)

// A group is one member of a consumer group.
type group struct {
	*reader
	name       string
	topics     []string
	listener   driver.Listener
	rebalance  time.Duration  // how long the group waits for a member
	committing chan struct{}  // holds one value while a commit is on its way; first come, first served
	asking     chan struct{}  // holds one value while the client stores positions, or looks them up
	storing    sync.WaitGroup // of commits in the client

	ended  chan struct{} // closed when the client has ended, after Close
	joined bool          // for the pump and, after that, for Close

	lock     sync.Mutex // guards all below
	assigned map[driver.Partition]*assignment
	changed  chan struct{} // closed and replaced when assigned changes
}

// An assignment is one time that a partition belongs to the member.
type assignment struct {
	settled bool // it is known where the group goes on there
}

// Join implements [driver.Driver].
func (d *Driver) Join(ctx context.Context, name string, topics []string, l driver.Listener) (driver.Group, error) {
	g, err := d.join(ctx, name, topics, l)
	if err != nil {
		return nil, fmt.Errorf("join group %q: %w", name, err)
	}
	return g, nil
}

func (d *Driver) join(ctx context.Context, name string, topics []string, l driver.Listener) (*group, error) {
	ctx, leave, err := d.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if name == "" || len(topics) == 0 {
		return nil, fmt.Errorf("want a name and at least one topic: %w", driver.ErrRefused)
	}
	found, err := d.await(ctx, topics...)
	if err != nil {
		return nil, err
	}
	for _, topic := range topics {
		if _, ok := found[topic]; !ok {
			return nil, fmt.Errorf("topic %q: %w", topic, driver.ErrNoTopic)
		}
	}
	g := &group{
		reader:     newReader(d),
		name:       name,
		topics:     slices.Clone(topics),
		listener:   l,
		rebalance:  time.Duration(d.settings.number("max.poll.interval.ms", 0)) * time.Millisecond,
		committing: make(chan struct{}, 1),
		asking:     make(chan struct{}, 1),
		assigned:   map[driver.Partition]*assignment{},
		changed:    make(chan struct{}),
		ended:      make(chan struct{}),
	}
	g.isGroup = true
	if g.consumer, err = kafka.NewConsumer(d.settings.consumer(name)); err != nil {
		return nil, err
	}
	if err := g.consumer.SubscribeTopics(topics, g.onRebalance); err != nil {
		_ = g.consumer.Close()
		return nil, err
	}
	go g.pump() //nolint:contextcheck // the pump outlives Join, and ends with Close
	if err := d.keep(g); err != nil {
		return nil, err
	}
	return g, nil
}

// Close implements [driver.Reader].
func (g *group) Close() error {
	g.end.Do(func() {
		g.shut()
		away := g.isAway()
		left := make(chan struct{})
		go func() {
			defer close(g.ended)
			g.leave(left, away)
			stored := make(chan struct{})
			go func() {
				defer close(stored)
				g.storing.Wait()
			}()
			await(stored, closeTimeout)
			_ = g.consumer.Close() // answers the commits that the broker does not
			<-stored
		}()
		if !away {
			await(left, leaveTimeout)
		}
		await(g.ended, closeTimeout)
		g.driver.drop(g)
	})
	return nil
}

// await waits until done is closed, but no longer than a time.
func await(done <-chan struct{}, most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// partitions sorts what the client passes to callbacks.
func partitions(all []kafka.TopicPartition) []driver.Partition {
	sorted := make([]driver.Partition, len(all))
	for i, p := range all {
		sorted[i] = driver.Partition{Topic: *p.Topic, ID: p.Partition}
	}
	slices.SortFunc(sorted, func(a, b driver.Partition) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.ID, b.ID))
	})
	return sorted
}

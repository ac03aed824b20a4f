//go:build cgo

package confluent

import (
	"context"
	"fmt"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/drivers"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

// Lag tells what [driver.Group] says.
func (g *group) Lag(ctx context.Context) (map[driver.Partition]int64, error) {
	ctx, leave, err := g.driver.enter(ctx)
	if err != nil || g.isDone() {
		if err == nil {
			leave()
		}
		return nil, fmt.Errorf("lag of group %q: %w", g.name, drivers.ErrClosed)
	}
	defer leave()
	ctx, calm := g.driver.connects.impatient(ctx)
	defer calm()
	lag, err := g.lag(ctx)
	if err != nil {
		return nil, fmt.Errorf("lag of group %q: %w", g.name, g.driver.reason(ctx, err))
	}
	return lag, nil
}

func (g *group) lag(ctx context.Context) (map[driver.Partition]int64, error) {
	own := g.own()
	if len(own) == 0 {
		return map[driver.Partition]int64{}, nil
	}
	d := g.driver
	answer, err := d.admin.ListConsumerGroupOffsets(ctx,
		[]kafka.ConsumerGroupTopicPartitions{{Group: g.name, Partitions: list(own)}})
	if err != nil {
		return nil, err
	}
	firsts, err := d.list(ctx, kafka.EarliestOffsetSpec, own...)
	if err != nil {
		return nil, err
	}
	ends, err := d.list(ctx, kafka.LatestOffsetSpec, own...)
	if err != nil {
		return nil, err
	}
	lag := make(map[driver.Partition]int64, len(own))
	for _, group := range answer.ConsumerGroupsTopicPartitions {
		for _, position := range group.Partitions {
			p := driver.Partition{Topic: *position.Topic, ID: position.Partition}
			first, isFirst := firsts[p]
			end, isEnd := ends[p]
			if isFirst && isEnd && position.Error == nil { // without a commit it is negative
				lag[p] = max(end-max(int64(position.Offset), first), 0)
			}
		}
	}
	return lag, nil
}

// own returns the partitions of this member.
func (g *group) own() []driver.Partition {
	g.lock.Lock()
	defer g.lock.Unlock()
	own := make([]driver.Partition, 0, len(g.assigned))
	for p := range g.assigned {
		own = append(own, p)
	}
	return own
}

//go:build cgo

package confluent

import (
	"context"
	"fmt"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

// begin finds out where the group goes on in partitions that were assigned: at
// the position that is committed, or at the first record. It returns these and the
// IDs of the topics, or false if the group was closed meanwhile.
func (g *group) begin(added []driver.Partition) (at []kafka.TopicPartition, ids []string, ok bool) {
	if len(added) == 0 {
		return nil, nil, !g.isDone()
	}
	// A commit of an earlier assignment may still be on its way.
	select {
	case g.asking <- struct{}{}:
		defer func() { <-g.asking }()
	case <-g.done:
		return nil, nil, false
	}
	ctx, cancel := context.WithCancel(g.driver.life)
	defer cancel()
	for !g.isDone() {
		at, ids, err := g.tryBegin(ctx, added)
		if err == nil {
			return at, ids, true
		}
		if isRefusal(err) {
			g.fail(fmt.Errorf("find where group %q goes on: %w", g.name, err))
			return nil, nil, false
		}
		select {
		case <-g.done:
		default:
			pause(ctx, retryPause)
		}
	}
	return nil, nil, false
}

func (g *group) tryBegin(
	ctx context.Context, added []driver.Partition,
) (at []kafka.TopicPartition, ids []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	found, err := g.driver.describe(ctx, names(added)...)
	if err != nil {
		return nil, nil, err
	}
	at, err = g.consumer.Committed(list(added), int(refreshTimeout.Milliseconds()))
	if err != nil {
		return nil, nil, err
	}
	var without []driver.Partition
	ids = make([]string, len(at))
	for i := range at {
		p := &at[i]
		if p.Error != nil && !isMissing(p.Error) {
			return nil, nil, p.Error
		}
		p.Error, p.Metadata = nil, nil
		ids[i] = found[*p.Topic].id
		if p.Offset < 0 {
			without = append(without, driver.Partition{Topic: *p.Topic, ID: p.Partition})
		}
	}
	firsts, err := g.driver.list(ctx, kafka.EarliestOffsetSpec, without...)
	if err != nil && !isMissing(err) {
		return nil, nil, err
	}
	for i := range at {
		p := &at[i]
		if p.Offset >= 0 {
			continue
		}
		// A topic that is missing begins at 0 when it is there again.
		p.Offset = kafka.Offset(firsts[driver.Partition{Topic: *p.Topic, ID: p.Partition}])
		p.LeaderEpoch = nil
	}
	return at, ids, nil
}

func names(partitions []driver.Partition) []string {
	all := make([]string, len(partitions))
	for i, p := range partitions {
		all[i] = p.Topic
	}
	return all
}

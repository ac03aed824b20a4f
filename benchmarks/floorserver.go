package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// commitInterval is that of asynccalls.
const commitInterval = 250 * time.Millisecond

// serveFloor answers requests with their own bodies, on one goroutine.
func serveFloor(ctx context.Context, s *setup, ready func()) error {
	var assigned sync.Once
	cl, err := kgo.NewClient(floorOptions(
		s,
		kgo.ConsumerGroup(s.Prefix+"server"),
		kgo.ConsumeTopics(requestsOf(s)),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.AutoCommitInterval(commitInterval),
		kgo.RecordPartitioner(floorPartitioner()),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { assigned.Do(ready) }),
	)...)
	if err != nil {
		return err
	}
	defer cl.Close()
	if err := createFloorTopics(ctx, cl, s); err != nil {
		return err
	}
	var failure atomic.Pointer[error]
	fail := func(err error) { failure.CompareAndSwap(nil, &err) }
	produced := func(_ *kgo.Record, err error) {
		if err != nil {
			fail(err)
		}
	}
	replies := repliesOf(s)
	for {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("poll: %w", err)
		}
		if err := failure.Load(); err != nil {
			return fmt.Errorf("produce: %w", *err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			m, err := readMark(r)
			if err != nil {
				fail(err)
				return
			}
			for m.answers > 0 {
				m.answers--
				answer := newMessage(m, responseHeader, replies, r.Value)
				answer.Partition = m.partition
				cl.Produce(ctx, answer, produced)
			}
		})
	}
}

// floorPartitioner writes to the partition that a request has named.
func floorPartitioner() kgo.Partitioner { return kgo.ManualPartitioner() }

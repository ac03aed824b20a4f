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
func serveFloor(ctx context.Context, s *setup, ready func(addresses ...string)) error {
	assigned := sync.OnceFunc(func() { ready() })
	cl, err := kgo.NewClient(floorOptions(
		s,
		kgo.ConsumerGroup(s.Prefix+"server"),
		kgo.ConsumeTopics(requestsOf(s)),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.AutoCommitInterval(commitInterval),
		kgo.RecordPartitioner(floorPartitioner(s)),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { assigned() }),
	)...)
	if err != nil {
		return err
	}
	defer cl.Close()
	if s.Instance == 0 { // it is the first to be started
		if err := createFloorTopics(ctx, cl, s); err != nil {
			return err
		}
	}
	var failure atomic.Pointer[error]
	fail := func(err error) { failure.CompareAndSwap(nil, &err) }
	produced := func(_ *kgo.Record, err error) {
		if err != nil {
			fail(err)
		}
	}
	replies, responses := repliesOf(s), responsesOf(s)
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
				cl.Produce(ctx, floorAnswer(m, replies, responses, r.Value), produced)
			}
		})
	}
}

// floorAnswer returns a response: to a call in the partition that it names, to a
// durable request by a key.
func floorAnswer(m mark, replies, responses string, body []byte) *kgo.Record {
	if m.partition != byKey {
		r := newMessage(m, responseHeader, replies, body)
		r.Partition = m.partition
		return r
	}
	r := newMessage(m, responseHeader, responses, body)
	r.Key = r.Headers[0].Value[:responseKey]
	return r
}

// floorPartitioner writes responses to durable requests where their keys belong,
// and all others to the partitions that requests have named.
func floorPartitioner(s *setup) kgo.Partitioner {
	return topicPartitioner{responsesOf(s), kgo.StickyKeyPartitioner(nil), kgo.ManualPartitioner()}
}

// topicPartitioner is one partitioner for one topic, and another for all others.
type topicPartitioner struct {
	topic         string
	inside, other kgo.Partitioner
}

// ForTopic implements [kgo.Partitioner].
func (p topicPartitioner) ForTopic(topic string) kgo.TopicPartitioner {
	if topic == p.topic {
		return p.inside.ForTopic(topic)
	}
	return p.other.ForTopic(topic)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// commitInterval is that of asynccalls.
const commitInterval = 250 * time.Millisecond

// serveFloor answers the requests to each service with their own bodies, on one
// goroutine for each. All responses are produced by one client.
func serveFloor(ctx context.Context, s *setup, ready func(addresses ...string)) error {
	w, err := s.work()
	if err != nil {
		return err
	}
	names := w.serviceNames()
	var assigned atomic.Int64
	consumers := make([]*kgo.Client, len(names))
	for i, name := range names {
		consumers[i], err = newFloorConsumer(s, name, func() {
			if int(assigned.Add(1)) == len(names) {
				ready()
			}
		})
		if err != nil {
			return err
		}
		defer consumers[i].Close()
	}
	if s.Instance == 0 { // it is the first to be started
		if err := createFloorTopics(ctx, consumers[0], s); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var serving sync.WaitGroup
	errs := make([]error, len(names))
	for i, cl := range consumers {
		serving.Go(func() {
			defer cancel() // of the others
			errs[i] = answerFloor(ctx, s, cl, consumers[0])
		})
	}
	serving.Wait()
	return errors.Join(errs...)
}

// newFloorConsumer returns a client that reads the requests to a service, and can
// produce responses. It calls assigned once, when it has partitions.
func newFloorConsumer(s *setup, service string, assigned func()) (*kgo.Client, error) {
	assigned = sync.OnceFunc(assigned)
	return kgo.NewClient(floorOptions(
		s,
		kgo.ConsumerGroup(s.Prefix+service),
		kgo.ConsumeTopics(topicOf(s, service)),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.AutoCommitInterval(commitInterval),
		kgo.RecordPartitioner(floorPartitioner(s)),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { assigned() }),
	)...)
}

// answerFloor answers what one client reads with another, until ctx ends.
func answerFloor(ctx context.Context, s *setup, cl, producer *kgo.Client) error {
	var failure atomic.Pointer[error]
	fail := func(err error) { failure.CompareAndSwap(nil, &err) }
	produced := func(_ *kgo.Record, err error) {
		if err != nil {
			fail(err)
		}
	}
	replies, responses := repliesOf(s), responsesOf(s)
	for fetches := cl.PollFetches(ctx); ctx.Err() == nil; fetches = cl.PollFetches(ctx) {
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
			s.gate.pass()
			for m.answers > 0 {
				m.answers--
				producer.Produce(ctx, floorAnswer(m, replies, responses, r.Value), produced)
			}
			r.Recycle()
		})
	}
	return nil
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

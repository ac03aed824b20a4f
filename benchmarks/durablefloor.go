package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
)

// durableFloor is a client that produces requests, and reads the responses in a
// group. It commits every 250 ms what it has read, as asynccalls does.
type durableFloor struct {
	client   *kgo.Client
	requests string // the topic
	tally    *tally
	size     int // of the body of a response
	next     atomic.Uint32
	polling  sync.WaitGroup
}

var _ durable = (*durableFloor)(nil)

// openDurableFloor returns when the client has its partitions.
func openDurableFloor(ctx context.Context, s *setup, t *tally) (durable, error) {
	w, err := s.work()
	if err != nil {
		return nil, err
	}
	var once sync.Once
	assigned := make(chan struct{})
	c := &durableFloor{requests: requestsOf(s), tally: t, size: w.size}
	c.client, err = kgo.NewClient(floorOptions(
		s,
		kgo.ConsumerGroup(s.Prefix+"client"),
		kgo.ConsumeTopics(responsesOf(s)),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.AutoCommitInterval(commitInterval),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) {
			once.Do(func() { close(assigned) })
		}),
	)...)
	if err != nil {
		return nil, err
	}
	c.polling.Go(func() { t.fail(c.poll(ctx)) })
	ready, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	select {
	case <-assigned:
		return c, nil
	case <-ready.Done():
		_ = c.close() // it has no errors
		return nil, fmt.Errorf("join the group of %s: %w", responsesOf(s), context.Cause(ready))
	}
}

// send waits for the outcome of each request, as a batch does.
func (c *durableFloor) send(ctx context.Context, n int, body []byte) error {
	var open sync.WaitGroup
	var failure atomic.Pointer[error]
	open.Add(n)
	produced := func(_ *kgo.Record, err error) {
		if err != nil {
			failure.CompareAndSwap(nil, &err)
		}
		open.Done()
	}
	for range n {
		m := mark{partition: byKey, slot: c.next.Add(1), answers: 1}
		c.client.Produce(ctx, newMessage(m, requestHeader, c.requests, body), produced)
	}
	open.Wait()
	if err := failure.Load(); err != nil {
		return fmt.Errorf("produce: %w", *err)
	}
	return nil
}

// poll takes notice of responses until the client is closed.
func (c *durableFloor) poll(ctx context.Context) error {
	for {
		fetches := c.client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("poll: %w", err)
		}
		var failure error
		fetches.EachRecord(func(r *kgo.Record) {
			_, err := readMark(r)
			if err == nil {
				err = checkRecord(r, c.size)
			}
			if err != nil {
				failure = err
			}
			c.tally.arrive()
		})
		if failure != nil {
			return failure
		}
	}
}

func (c *durableFloor) close() error {
	c.client.Close()
	c.polling.Wait()
	return nil
}

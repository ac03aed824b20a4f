//go:build confluent

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
	"github.com/twmb/franz-go/pkg/kgo"
)

// serveRaw answers requests with their own bodies, on one goroutine.
func serveRaw(ctx context.Context, s *setup, ready func(addresses ...string)) (err error) {
	w, err := s.work()
	if err != nil {
		return err
	}
	if err := createRawTopics(ctx, s); err != nil {
		return err
	}
	c, err := newRawClient(s, w, kafka.ConfigMap{
		"group.id":                s.Prefix + "server",
		"auto.offset.reset":       "earliest",
		"auto.commit.interval.ms": int(commitInterval / time.Millisecond),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	assigned := sync.OnceFunc(func() { ready() })
	err = c.consumer.SubscribeTopics([]string{requestsOf(s)}, func(_ *kafka.Consumer, e kafka.Event) error {
		if _, ok := e.(kafka.AssignedPartitions); ok {
			assigned()
		}
		return nil
	})
	replies := repliesOf(s)
	for err == nil && ctx.Err() == nil {
		if failure := c.failure.Load(); failure != nil {
			return *failure
		}
		err = c.answer(c.consumer.Poll(100), &replies)
	}
	return err
}

func (c *rawClient) answer(e kafka.Event, replies *string) error {
	switch e := e.(type) {
	case *kafka.Message:
		m, err := readRawMark(e)
		if err != nil {
			return err
		}
		for m.answers > 0 {
			m.answers--
			r := rawMessage(m, responseHeader, replies, e.Value)
			r.TopicPartition.Partition = m.partition
			if err := c.produce(r); err != nil {
				return err
			}
		}
	case kafka.Error:
		return e
	}
	return nil
}

func createRawTopics(ctx context.Context, s *setup) error {
	cl, err := kgo.NewClient(floorOptions(s)...)
	if err != nil {
		return err
	}
	defer cl.Close()
	return createFloorTopics(ctx, cl, s)
}

// rawCaller is a client like that of the floor.
type rawCaller struct {
	*rawClient
	requests  string
	partition int32
	slots     []chan *kafka.Message // get each response, and nil when the caller is closed
	answers   int
	polling   sync.WaitGroup
	closed    atomic.Bool
	once      sync.Once
}

var _ caller = (*rawCaller)(nil)

func openRaw(_ context.Context, s *setup) (caller, error) {
	w, err := s.work()
	if err != nil {
		return nil, err
	}
	client, err := newRawClient(s, w, kafka.ConfigMap{"group.id": s.Prefix + "client", "enable.auto.commit": false})
	if err != nil {
		return nil, err
	}
	c := &rawCaller{
		rawClient: client, requests: requestsOf(s), answers: w.answers, partition: rand.Int32N(w.replyPartitions()),
	}
	for range w.inflight {
		c.slots = append(c.slots, make(chan *kafka.Message, w.answers+1))
	}
	replies := repliesOf(s)
	_, end, err := c.consumer.QueryWatermarkOffsets(replies, c.partition, int(callLimit/time.Millisecond))
	if err == nil {
		err = c.consumer.Assign([]kafka.TopicPartition{
			{Topic: &replies, Partition: c.partition, Offset: kafka.Offset(end)},
		})
	}
	if err != nil {
		return nil, errors.Join(err, client.close())
	}
	c.polling.Go(c.poll)
	return c, nil
}

// poll gives each response to the worker in whose slot it belongs.
func (c *rawCaller) poll() {
	for !c.closed.Load() {
		switch e := c.consumer.Poll(100).(type) {
		case *kafka.Message:
			m, err := readRawMark(e)
			if err != nil || int(m.slot) >= len(c.slots) {
				continue
			}
			select {
			case c.slots[m.slot] <- e:
			default: // the worker waits for fewer, and will say that it got too many
			}
		case kafka.Error:
			c.fail(e)
		}
		if c.failure.Load() != nil {
			c.release()
			return
		}
	}
}

// release lets all workers go.
func (c *rawCaller) release() {
	for _, slot := range c.slots {
		select {
		case slot <- nil:
		default: // its worker has enough to find out by itself
		}
	}
}

func (c *rawCaller) send(worker, answers int, body []byte) error {
	m := mark{c.partition, uint32(worker), uint16(answers)} //nolint:gosec // the works are small
	return c.produce(rawMessage(m, requestHeader, &c.requests, body))
}

func (c *rawCaller) next(worker int, body []byte) error {
	m := <-c.slots[worker]
	if m == nil {
		return fmt.Errorf("call: %w", *c.failure.Load())
	}
	return checkBody(len(m.Value), len(body))
}

func (c *rawCaller) echo(_ context.Context, worker int, body []byte) error {
	if err := c.send(worker, 1, body); err != nil {
		return err
	}
	return c.next(worker, body)
}

func (c *rawCaller) stream(_ context.Context, worker int, body []byte) (first time.Time, err error) {
	if err := c.send(worker, c.answers, body); err != nil {
		return first, err
	}
	for i := range c.answers {
		if err := c.next(worker, body); err != nil {
			return first, err
		}
		if i == 0 {
			first = time.Now()
		}
	}
	return first, nil
}

func (c *rawCaller) close() (err error) {
	c.once.Do(func() {
		c.fail(errors.New("the client was closed"))
		c.closed.Store(true)
		c.release()
		c.polling.Wait()
		err = c.rawClient.close()
	})
	return err
}

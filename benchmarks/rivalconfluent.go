//go:build confluent

package main

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
	"github.com/twmb/franz-go/pkg/kgo"
)

// How confluent-kafka-go is tuned. It does what the floor does, with the same marks.
// With few calls in flight nothing may linger; with many, a producer that does not
// linger sends batches of a few records, and the broker is the bound: 1 ms is better
// than 0, 5 and 20. Messages are polled, as the library has no way to take many at once.
//
// Each record has a report of its outcome, as that of franz-go has, and as asynccalls
// needs. Without them (the side blindName) a producer does not learn that a record was
// not written, but saves an event and a message for each.
const (
	rawLinger  = 1 // ms
	rawLingers = 1000
)

// rawSettings are those of all clients of librdkafka.
func rawSettings(s *setup, w *work, more kafka.ConfigMap) *kafka.ConfigMap {
	linger := 0
	if w.inflight >= rawLingers {
		linger = rawLinger
	}
	all := kafka.ConfigMap{
		"bootstrap.servers":            strings.Join(s.Brokers, ","),
		"log_level":                    0,
		"acks":                         "all",
		"enable.idempotence":           true,
		"linger.ms":                    linger,
		"compression.type":             "snappy", // as the floor
		"queue.buffering.max.messages": 1_000_000,
		"go.delivery.reports":          s.Side != blindName,
		"fetch.wait.max.ms":            250,
	}
	maps.Copy(all, more)
	return &all
}

// rawClient is a producer and a consumer.
type rawClient struct {
	producer *kafka.Producer
	consumer *kafka.Consumer
	draining sync.WaitGroup
	failure  atomic.Pointer[error]
}

func newRawClient(s *setup, w *work, consumer kafka.ConfigMap) (*rawClient, error) {
	settings := rawSettings(s, w, nil)
	producer, err := kafka.NewProducer(settings)
	if err != nil {
		return nil, err
	}
	c := &rawClient{producer: producer}
	if c.consumer, err = kafka.NewConsumer(rawConsumer(s, w, consumer)); err != nil {
		producer.Close()
		return nil, err
	}
	c.draining.Go(c.drain)
	return c, nil
}

// rawConsumer leaves out what is for producers.
func rawConsumer(s *setup, w *work, more kafka.ConfigMap) *kafka.ConfigMap {
	all := rawSettings(s, w, more)
	for _, name := range []string{
		"acks", "enable.idempotence", "linger.ms", "compression.type", "queue.buffering.max.messages",
		"go.delivery.reports",
	} {
		delete(*all, name)
	}
	return all
}

// drain takes the outcomes of records that were not written, until the producer is
// closed.
func (c *rawClient) drain() {
	for e := range c.producer.Events() {
		switch e := e.(type) {
		case *kafka.Message:
			if err := e.TopicPartition.Error; err != nil {
				c.fail(fmt.Errorf("produce: %w", err))
			}
		case kafka.Error:
			if e.IsFatal() {
				c.fail(e)
			}
		}
	}
}

func (c *rawClient) fail(err error) { c.failure.CompareAndSwap(nil, &err) }

// produce waits for room if there is none.
func (c *rawClient) produce(m *kafka.Message) error {
	for {
		err := c.producer.Produce(m, nil)
		if e, ok := errors.AsType[kafka.Error](err); !ok || e.Code() != kafka.ErrQueueFull {
			return err
		}
		c.producer.Flush(1) // ms
	}
}

func (c *rawClient) close() error {
	err := c.consumer.Close()
	_ = c.producer.Purge(kafka.PurgeInFlight | kafka.PurgeQueue)
	c.producer.Close()
	c.draining.Wait()
	return err
}

// rawMessage returns a record with a mark.
func rawMessage(m mark, length int, topic *string, body []byte) *kafka.Message {
	value := make([]byte, length)
	m.write(value)
	return &kafka.Message{
		TopicPartition: kafka.TopicPartition{Topic: topic, Partition: kafka.PartitionAny},
		Value:          body,
		Headers:        []kafka.Header{{Key: floorHeader, Value: value}},
	}
}

func readRawMark(m *kafka.Message) (mark, error) {
	if len(m.Headers) != 1 {
		return mark{}, errors.New("record without the header of the floor")
	}
	return readMark(&kgo.Record{Headers: []kgo.RecordHeader{{Value: m.Headers[0].Value}}})
}

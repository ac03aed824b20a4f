//go:build cgo

package confluent

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/asynccalls/asynccalls/internal/drivers"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

// defaultLimit is the largest batch that a topic accepts by the default of Kafka.
const defaultLimit = 1_048_588

// outlets are the clients that publish. In librdkafka the size of a batch is
// bounded for a client and not for a topic, and a batch that the topic does not
// accept fails as a whole, while later ones are written. So there is one client
// for each limit that topics have.
type outlets struct {
	driver *Driver

	mu      sync.Mutex // guards all below
	byLimit map[int]*outlet
	retired []*outlet // can't publish any more
	closed  bool
}

// An outlet is a client that publishes to topics with the same limit.
type outlet struct {
	driver   *Driver
	limit    int
	producer *kafka.Producer
	drained  chan struct{} // closed when all that the client reports has been seen
}

func newOutlets(d *Driver) *outlets { return &outlets{driver: d, byLimit: map[int]*outlet{}} }

// of returns the outlet for a limit.
func (s *outlets) of(limit int) (*outlet, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, drivers.ErrClosed
	}
	if o := s.byLimit[limit]; o != nil {
		return o, nil
	}
	producer, err := kafka.NewProducer(s.driver.settings.producer(limit))
	if err != nil {
		return nil, err
	}
	o := &outlet{driver: s.driver, limit: limit, producer: producer, drained: make(chan struct{})}
	s.byLimit[limit] = o
	go o.drain()
	return o, nil
}

// retire lets others be made in the place of an outlet that can't publish any
// more. It stays open, as it may be the one of the administrator.
func (s *outlets) retire(o *outlet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byLimit[o.limit] == o {
		delete(s.byLimit, o.limit)
		s.retired = append(s.retired, o)
	}
}

func (s *outlets) all() []*outlet {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := append([]*outlet(nil), s.retired...)
	for _, o := range s.byLimit {
		all = append(all, o)
	}
	return all
}

// purge fails all records that have no outcome yet.
func (s *outlets) purge() {
	for _, o := range s.all() {
		_ = o.producer.Purge(kafka.PurgeQueue | kafka.PurgeInFlight)
	}
}

// close closes the clients. No record may be on its way.
func (s *outlets) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	var closing sync.WaitGroup
	for _, o := range s.all() {
		closing.Go(func() {
			o.producer.Close()
			<-o.drained
		})
	}
	closing.Wait()
}

// drain takes what the client reports.
func (o *outlet) drain() {
	defer close(o.drained)
	for event := range o.producer.Events() {
		switch e := event.(type) {
		case *kafka.Message:
			if p, ok := e.Opaque.(*publication); ok {
				p.finish(&e.TopicPartition)
			}
		case kafka.Error:
			o.driver.connects.failed(e)
			if e.IsFatal() {
				o.driver.abandon(o)
			}
		}
	}
}

// abandon stops to publish by a client that can't any more. Its topics are
// learned anew, by those who publish next.
func (d *Driver) abandon(o *outlet) {
	d.outlets.retire(o)
	d.routes.forgetOutlet(o)
}

// refresh lets the client learn a topic: it may remember that it is missing, or
// has fewer partitions. The error says that it is missing, or the client could not
// ask.
func (o *outlet) refresh(ctx context.Context, topic string) error {
	found, err := o.producer.GetMetadata(&topic, false, int(refreshTimeout.Milliseconds()))
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if t := found.Topics[topic]; t.Error.Code() != kafka.ErrNoError {
		return t.Error
	}
	if len(found.Topics[topic].Partitions) == 0 {
		return fmt.Errorf("topic %q: %w", topic, errNoPartitions)
	}
	return nil
}

var errNoPartitions = errors.New("no partition is known yet")

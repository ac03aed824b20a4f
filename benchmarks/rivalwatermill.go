package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/components/requestreply"
	"github.com/ThreeDotsLabs/watermill/message"
)

// How watermill is tuned. As it comes, the component requestreply subscribes to the
// topic of replies for each call, and lets each call read the replies to all others.
// Here one subscription gives each reply to the call that waits for it
// (watermillReplies). Bodies are not converted to JSON (watermillMarshaler). Nothing
// lingers, as with the floor, and nothing is logged.
//
// The subscriber for Kafka hands over one message of a partition at a time, and
// takes the next one when the handler has published its reply and the broker has
// acknowledged that. So there are many partitions, which is how watermill runs
// handlers in parallel: 16 are several times slower with many calls in flight, 256
// are slower with one and about as fast with many.
const watermillPartitions = 64

func watermillConfig() *sarama.Config {
	c := sarama.NewConfig()
	c.ClientID = "benchmark"
	c.Version = sarama.V2_8_0_0
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Return.Successes = true // the publisher waits for them
	c.Consumer.Return.Errors = true
	return c
}

func watermillPublisher(s *setup) (*kafka.Publisher, error) {
	return kafka.NewPublisher(kafka.PublisherConfig{
		Brokers:               s.Brokers,
		Marshaler:             kafka.DefaultMarshaler{},
		OverwriteSaramaConfig: watermillConfig(),
	}, watermill.NopLogger{})
}

// watermillSubscriber reads in a group, from the beginning; or without one, from
// the end.
func watermillSubscriber(s *setup, group string) (*kafka.Subscriber, error) {
	config := watermillConfig()
	config.Consumer.Offsets.Initial = sarama.OffsetNewest
	if group != "" {
		config.Consumer.Offsets.Initial = sarama.OffsetOldest
	}
	return kafka.NewSubscriber(kafka.SubscriberConfig{
		Brokers:               s.Brokers,
		Unmarshaler:           kafka.DefaultMarshaler{},
		OverwriteSaramaConfig: config,
		ConsumerGroup:         group,
	}, watermill.NopLogger{})
}

// watermillBackend returns the half of requestreply that both ends need.
func watermillBackend(
	s *setup, p message.Publisher, r *watermillReplies,
) (*requestreply.PubSubBackend[[]byte], error) {
	topic := repliesOf(s)
	return requestreply.NewPubSubBackend(requestreply.PubSubBackendConfig{
		Publisher: p,
		SubscriberConstructor: func(params requestreply.PubSubBackendSubscribeParams) (message.Subscriber, error) {
			return watermillReply{r, params.OperationID}, nil
		},
		GeneratePublishTopic: func(requestreply.PubSubBackendPublishParams) (string, error) { return topic, nil },
		GenerateSubscribeTopic: func(requestreply.PubSubBackendSubscribeParams) (string, error) {
			return topic, nil
		},
		OnListenForReplyFinished: func(_ context.Context, params requestreply.PubSubBackendSubscribeParams) {
			r.forget(params.OperationID)
		},
	}, watermillMarshaler{})
}

// watermillReplies knows which calls wait for a reply.
type watermillReplies struct {
	mu      sync.Mutex // guards what follows
	waiting map[requestreply.OperationID]chan *message.Message
	closed  bool
}

// deliver gives replies to the calls that wait for them, until there are no more.
func (r *watermillReplies) deliver(messages <-chan *message.Message) {
	for m := range messages {
		id := requestreply.OperationID(m.Metadata.Get(requestreply.OperationIDMetadataKey))
		r.mu.Lock()
		waiting := r.waiting[id]
		delete(r.waiting, id)
		r.mu.Unlock()
		if waiting != nil {
			waiting <- m // it has room for the one
		}
		m.Ack()
	}
}

func (r *watermillReplies) forget(id requestreply.OperationID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.waiting, id)
}

// close ends the calls that wait.
func (r *watermillReplies) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for id, waiting := range r.waiting {
		close(waiting)
		delete(r.waiting, id)
	}
}

// watermillReply is the subscriber of one call.
type watermillReply struct {
	replies *watermillReplies
	id      requestreply.OperationID
}

var _ message.Subscriber = watermillReply{}

// Subscribe implements [message.Subscriber].
func (w watermillReply) Subscribe(context.Context, string) (<-chan *message.Message, error) {
	w.replies.mu.Lock()
	defer w.replies.mu.Unlock()
	if w.replies.closed {
		return nil, errors.New("subscribe: the client was closed")
	}
	waiting := make(chan *message.Message, 1)
	w.replies.waiting[w.id] = waiting
	return waiting, nil
}

// Close implements [message.Subscriber].
func (watermillReply) Close() error { return nil }

// watermillCommand is the request.
type watermillCommand struct{ Body []byte }

// watermillMarshaler takes bodies as they are.
type watermillMarshaler struct{}

var _ requestreply.BackendPubsubMarshaler[[]byte] = watermillMarshaler{}

// The name of the command, and what it is called in a message.
const (
	watermillName = "echo"
	watermillKey  = "name"
)

// Marshal implements the marshaler of commands.
func (watermillMarshaler) Marshal(v any) (*message.Message, error) {
	c, ok := v.(*watermillCommand)
	if !ok {
		return nil, fmt.Errorf("encode %T: want *watermillCommand", v)
	}
	m := message.NewMessage("", c.Body)
	m.Metadata.Set(watermillKey, watermillName)
	return m, nil
}

// Unmarshal implements the marshaler of commands.
func (watermillMarshaler) Unmarshal(m *message.Message, v any) error {
	c, ok := v.(*watermillCommand)
	if !ok {
		return fmt.Errorf("decode %T: want *watermillCommand", v)
	}
	c.Body = m.Payload
	return nil
}

// Name implements the marshaler of commands.
func (watermillMarshaler) Name(any) string { return watermillName }

// NameFromMessage implements the marshaler of commands.
func (watermillMarshaler) NameFromMessage(m *message.Message) string {
	return m.Metadata.Get(watermillKey)
}

// MarshalReply implements [requestreply.BackendPubsubMarshaler].
func (watermillMarshaler) MarshalReply(
	params requestreply.BackendOnCommandProcessedParams[[]byte],
) (*message.Message, error) {
	if params.HandleErr != nil {
		return nil, params.HandleErr
	}
	return message.NewMessage("", params.HandlerResult), nil
}

// UnmarshalReply implements [requestreply.BackendPubsubMarshaler].
func (watermillMarshaler) UnmarshalReply(m *message.Message) (requestreply.Reply[[]byte], error) {
	return requestreply.Reply[[]byte]{HandlerResult: m.Payload}, nil
}

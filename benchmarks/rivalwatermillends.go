package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/components/cqrs"
	"github.com/ThreeDotsLabs/watermill/components/requestreply"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kgo"
)

// serveWatermill answers with watermill and its component requestreply.
func serveWatermill(ctx context.Context, s *setup, ready func(addresses ...string)) (err error) {
	if err := createWatermillTopics(ctx, s); err != nil {
		return err
	}
	publisher, err := watermillPublisher(s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, publisher.Close()) }()
	router, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	processor, err := cqrs.NewCommandProcessorWithConfig(router, cqrs.CommandProcessorConfig{
		GenerateSubscribeTopic: func(cqrs.CommandProcessorGenerateSubscribeTopicParams) (string, error) {
			return requestsOf(s), nil
		},
		SubscriberConstructor: func(cqrs.CommandProcessorSubscriberConstructorParams) (message.Subscriber, error) {
			return watermillSubscriber(s, s.Prefix+"server")
		},
		Marshaler: watermillMarshaler{},
		Logger:    watermill.NopLogger{},
	})
	if err != nil {
		return err
	}
	backend, err := watermillBackend(s, publisher, nil)
	if err != nil {
		return err
	}
	err = processor.AddHandlers(requestreply.NewCommandHandlerWithResult(watermillName, backend,
		func(_ context.Context, c *watermillCommand) ([]byte, error) { return c.Body, nil }))
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- router.Run(ctx) }()
	select {
	case <-router.Running():
		ready()
	case err := <-ended:
		return err
	}
	return <-ended
}

// createWatermillTopics returns when the topics have leaders: the subscriber does not
// wait for that.
func createWatermillTopics(ctx context.Context, s *setup) error {
	cl, err := kgo.NewClient(floorOptions(s)...)
	if err != nil {
		return err
	}
	defer cl.Close()
	err = createTopics(ctx, cl, map[string]int32{
		requestsOf(s): watermillPartitions,
		repliesOf(s):  replyPartitions,
	})
	if err != nil {
		return err
	}
	return awaitLeaders(ctx, cl, requestsOf(s), repliesOf(s))
}

// watermillCaller is a client of watermill.
type watermillCaller struct {
	publisher  *kafka.Publisher
	subscriber *kafka.Subscriber
	bus        *cqrs.CommandBus
	backend    *requestreply.PubSubBackend[[]byte]
	replies    *watermillReplies
	reading    sync.WaitGroup
	once       sync.Once
}

var _ caller = (*watermillCaller)(nil)

// openWatermill returns when the caller is at the end of all partitions of the
// replies.
func openWatermill(ctx context.Context, s *setup) (_ caller, err error) {
	w := &watermillCaller{
		replies: &watermillReplies{waiting: make(map[requestreply.OperationID]chan *message.Message)},
	}
	if w.publisher, err = watermillPublisher(s); err != nil {
		return nil, err
	}
	if w.subscriber, err = watermillSubscriber(s, ""); err != nil {
		return nil, errors.Join(err, w.publisher.Close())
	}
	if err := w.connect(ctx, s); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *watermillCaller) connect(ctx context.Context, s *setup) (err error) {
	w.bus, err = cqrs.NewCommandBusWithConfig(w.publisher, cqrs.CommandBusConfig{
		GeneratePublishTopic: func(cqrs.CommandBusGeneratePublishTopicParams) (string, error) {
			return requestsOf(s), nil
		},
		Marshaler: watermillMarshaler{},
		Logger:    watermill.NopLogger{},
	})
	if err != nil {
		return err
	}
	if w.backend, err = watermillBackend(s, w.publisher, w.replies); err != nil {
		return err
	}
	messages, err := w.subscriber.Subscribe(ctx, repliesOf(s))
	if err != nil {
		return err
	}
	w.reading.Go(func() { w.replies.deliver(messages) }) // until the subscriber is closed
	return nil
}

func (w *watermillCaller) echo(ctx context.Context, _ int, body []byte) error {
	reply, err := requestreply.SendWithReply(ctx, w.bus, w.backend, &watermillCommand{body})
	if err == nil {
		err = reply.Error
	}
	if err != nil {
		return err
	}
	return checkBody(len(reply.HandlerResult), len(body))
}

func (w *watermillCaller) stream(context.Context, int, []byte) (time.Time, error) {
	return time.Time{}, errors.New("watermill answers each request once")
}

func (w *watermillCaller) close() (err error) {
	w.once.Do(func() {
		w.replies.close()
		err = errors.Join(w.subscriber.Close(), w.publisher.Close())
		w.reading.Wait()
	})
	return err
}

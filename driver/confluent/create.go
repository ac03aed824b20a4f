//go:build cgo

package confluent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/drivers"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

const (
	createTimeout = 30 * time.Second
	askAgain      = 20 * time.Millisecond
)

// Create implements [driver.Admin].
func (d *Driver) Create(ctx context.Context, topics ...driver.Topic) error {
	ctx, leave, err := d.enter(ctx)
	if err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	defer leave()
	var errs []error
	specs := make([]kafka.TopicSpecification, 0, len(topics))
	for _, t := range topics {
		if isLegal(t.Name) {
			specs = append(specs, specify(t))
		} else {
			errs = append(errs, fmt.Errorf("create topic %q: illegal name: %w", t.Name, driver.ErrRefused))
		}
	}
	created, err := d.create(ctx, specs)
	errs = append(errs, err)
	if err := d.awaitTopics(ctx, created); err != nil {
		errs = append(errs, fmt.Errorf("wait for created topics: %w", d.reason(ctx, err)))
	}
	return errors.Join(errs...)
}

// create returns the topics that were created.
func (d *Driver) create(ctx context.Context, specs []kafka.TopicSpecification) ([]string, error) {
	if len(specs) == 0 {
		return nil, nil
	}
	ctx, calm := d.connects.impatient(ctx)
	defer calm()
	answers, err := d.admin.CreateTopics(ctx, specs, kafka.SetAdminOperationTimeout(createTimeout))
	if err != nil {
		return nil, fmt.Errorf("create topics: %w", d.reason(ctx, err))
	}
	d.connects.succeeded()
	var created []string
	var errs []error
	for _, a := range answers {
		switch a.Error.Code() {
		case kafka.ErrNoError:
			created = append(created, a.Topic)
		case kafka.ErrTopicAlreadyExists:
		default:
			errs = append(errs, fmt.Errorf("create topic %q: %w", a.Topic, a.Error))
		}
	}
	return created, errors.Join(errs...)
}

func specify(t driver.Topic) kafka.TopicSpecification {
	s := kafka.TopicSpecification{
		Topic: t.Name, NumPartitions: -1, ReplicationFactor: int(t.Replicas), Config: maps.Clone(t.Config),
	}
	if t.Partitions != 0 {
		s.NumPartitions = int(t.Partitions)
	}
	if t.MaxBytes != 0 {
		if s.Config == nil {
			s.Config = map[string]string{}
		}
		s.Config[maxBytesConfig] = strconv.Itoa(t.MaxBytes)
	}
	return s
}

// awaitTopics waits until the topics and the leaders of their partitions are
// known.
func (d *Driver) awaitTopics(ctx context.Context, names []string) error {
	for !d.knows(ctx, names) {
		pause(ctx, askAgain)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if d.closed() {
			return drivers.ErrClosed
		}
	}
	return nil
}

func (d *Driver) knows(ctx context.Context, names []string) bool {
	found, err := d.describe(ctx, names...)
	if err != nil {
		return false
	}
	for _, name := range names {
		if !found[name].leaders {
			return false
		}
	}
	return true
}

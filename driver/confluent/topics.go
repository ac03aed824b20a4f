//go:build cgo

package confluent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/drivers"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

const maxBytesConfig = "max.message.bytes"

// A description is what metadata says of a topic.
type description struct {
	id         string
	partitions int32
	replicas   int16
	leaders    bool // each partition has one
}

// isLegal says whether a topic can have this name. No topic has another one, and
// librdkafka takes some of those for something else.
func isLegal(name string) bool {
	if name == "" || name == "." || name == ".." || len(name) > 249 {
		return false
	}
	for _, c := range []byte(name) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// Topics implements [driver.Admin].
func (d *Driver) Topics(ctx context.Context, names ...string) ([]driver.Topic, error) {
	ctx, leave, err := d.enter(ctx)
	if err != nil {
		return nil, fmt.Errorf("describe topics: %w", err)
	}
	defer leave()
	if len(names) == 0 {
		return nil, nil
	}
	ctx, calm := d.connects.impatient(ctx)
	defer calm()
	found, err := d.describe(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("describe topics: %w", d.reason(ctx, err))
	}
	topics := make([]driver.Topic, 0, len(found))
	limits, err := d.askLimits(ctx, slices.Collect(maps.Keys(found))...)
	if err != nil {
		return nil, fmt.Errorf("describe topics: %w", d.reason(ctx, err))
	}
	for name, t := range found {
		if limit, ok := limits[name]; ok {
			topics = append(topics, driver.Topic{
				Name: name, Partitions: t.partitions, Replicas: t.replicas, MaxBytes: limit,
			})
		}
	}
	return topics, nil
}

// reason says why a request failed: if nothing could be reached, why not.
func (d *Driver) reason(ctx context.Context, err error) error {
	if d.closed() {
		return drivers.ErrClosed
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, ctx.Err()) {
		return fmt.Errorf("no broker can be reached: %w", cause)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		if problem := d.connects.problem(); problem != nil {
			return fmt.Errorf("%w: no broker can be reached: %w", err, problem)
		}
	}
	return err
}

// describe asks a broker for the topics. It leaves out those that do not exist.
func (d *Driver) describe(ctx context.Context, names ...string) (map[string]description, error) {
	found := map[string]description{}
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !isLegal(name) })
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) == 0 {
		return found, nil
	}
	answer, err := d.admin.DescribeTopics(ctx, kafka.NewTopicCollectionOfTopicNames(names))
	if err != nil {
		return nil, err
	}
	d.connects.succeeded()
	for _, t := range answer.TopicDescriptions {
		switch err := t.Error; {
		case isMissing(err):
		case err.Code() != kafka.ErrNoError && !isRetriable(err.Code()):
			return nil, fmt.Errorf("topic %q: %w", t.Name, err)
		default:
			found[t.Name] = describeTopic(t)
		}
	}
	return found, nil
}

func describeTopic(t kafka.TopicDescription) description {
	found := description{
		id: t.TopicID.String(), partitions: int32(len(t.Partitions)), leaders: len(t.Partitions) > 0,
	}
	for _, p := range t.Partitions {
		found.replicas = int16(len(p.Replicas))
		found.leaders = found.leaders && p.Leader != nil && p.Leader.ID >= 0
	}
	return found
}

// hasPartition asks the broker until it answers, or the driver is closed.
func (d *Driver) hasPartition(topic string, id int32) bool {
	for !d.closed() {
		found, err := d.describe(d.life, topic)
		if err == nil {
			return id < found[topic].partitions
		}
		pause(d.life, retryPause)
	}
	return false
}

// askLimits asks for the largest batch of each topic. It leaves out those that
// do not exist.
func (d *Driver) askLimits(ctx context.Context, topics ...string) (map[string]int, error) {
	limits := make(map[string]int, len(topics))
	if len(topics) == 0 {
		return limits, nil
	}
	resources := make([]kafka.ConfigResource, len(topics))
	for i, topic := range topics {
		resources[i] = kafka.ConfigResource{Type: kafka.ResourceTopic, Name: topic}
	}
	answers, err := d.admin.DescribeConfigs(ctx, resources)
	if err != nil {
		return nil, err
	}
	d.connects.succeeded()
	for _, a := range answers {
		if isMissing(a.Error) {
			continue
		}
		if a.Error.Code() != kafka.ErrNoError {
			return nil, fmt.Errorf("settings of topic %q: %w", a.Name, a.Error)
		}
		limits[a.Name] = limitIn(a)
	}
	return limits, nil
}

func limitIn(r kafka.ConfigResourceResult) int {
	if n, err := strconv.ParseInt(r.Config[maxBytesConfig].Value, 10, 32); err == nil && n > 0 {
		return int(n)
	}
	return defaultLimit
}

// askLimit asks for the largest batch of a topic. If the broker does not tell, it
// is the default.
func (d *Driver) askLimit(ctx context.Context, topic string) (int, error) {
	answers, err := d.askLimits(ctx, topic)
	if isRefusal(err) && !isMissing(err) {
		return defaultLimit, nil
	}
	if err != nil {
		return 0, err
	}
	limit, ok := answers[topic]
	if !ok {
		return 0, driver.ErrNoTopic
	}
	return limit, nil
}

// await asks for the topics until a broker answers. It returns an error when ctx
// ends, when the driver is closed, or when the broker refuses.
func (d *Driver) await(ctx context.Context, names ...string) (map[string]description, error) {
	for {
		found, err := d.describe(ctx, names...)
		if err == nil {
			return found, nil
		}
		if d.isFinal(ctx, err) {
			return nil, d.reason(ctx, err)
		}
		pause(ctx, retryPause)
	}
}

// isFinal says that asking again does not help.
func (d *Driver) isFinal(ctx context.Context, err error) bool {
	return ctx.Err() != nil || d.closed() || isRefusal(err) || d.connects.isDenied()
}

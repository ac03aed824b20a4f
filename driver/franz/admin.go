package franz

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/drivers"
)

const (
	maxBytesConfig = "max.message.bytes"
	createTimeout  = 30 * time.Second
	askAgain       = 20 * time.Millisecond
)

// A description is what metadata says of a topic.
type description struct {
	id         [16]byte
	partitions int32
	replicas   int16
	leaders    bool // each partition has one
}

// Topics implements [driver.Admin].
func (d *Driver) Topics(ctx context.Context, names ...string) ([]driver.Topic, error) {
	if d.closed() {
		return nil, fmt.Errorf("describe topics: %w", drivers.ErrClosed)
	}
	if len(names) == 0 {
		return nil, nil
	}
	ctx, cancel := d.connects.impatient(ctx)
	defer cancel()
	found, err := d.describe(ctx, d.client, names...)
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
				Name: name, Partitions: t.partitions, Replicas: t.replicas, MaxBytes: int(limit),
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

// A requestor is a client, or one broker of it.
type requestor interface {
	Request(ctx context.Context, r kmsg.Request) (kmsg.Response, error)
}

// describe asks a broker for the topics. It leaves out those that do not exist.
func (d *Driver) describe(ctx context.Context, from requestor, names ...string) (map[string]description, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = false
	for _, name := range names {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, topic)
	}
	answer, err := from.Request(ctx, req)
	if err != nil {
		return nil, err
	}
	resp, ok := answer.(*kmsg.MetadataResponse)
	if !ok {
		return nil, fmt.Errorf("answer is a %T", answer)
	}
	found := make(map[string]description, len(resp.Topics))
	for _, t := range resp.Topics {
		switch err := kerr.ErrorForCode(t.ErrorCode); {
		case isMissing(err) || t.Topic == nil:
		case err != nil && !kerr.IsRetriable(err):
			return nil, fmt.Errorf("topic %q: %w", *t.Topic, err)
		default:
			found[*t.Topic] = describeTopic(t)
		}
	}
	return found, nil
}

func describeTopic(t kmsg.MetadataResponseTopic) description {
	found := description{id: t.TopicID, partitions: int32(len(t.Partitions)), leaders: len(t.Partitions) > 0}
	for _, p := range t.Partitions {
		found.replicas = int16(len(p.Replicas))
		found.leaders = found.leaders && p.Leader >= 0
	}
	return found
}

// hasPartition asks the broker until it answers, or the driver is closed.
func (d *Driver) hasPartition(topic string, id int32) bool {
	ctx := d.client.Context()
	for ctx.Err() == nil {
		found, err := d.describe(ctx, d.client, topic)
		if err == nil {
			return id < found[topic].partitions
		}
		pause(ctx, retryPause)
	}
	return false
}

// askLimits asks for the largest batch of each topic. It leaves out those that
// do not exist.
func (d *Driver) askLimits(ctx context.Context, topics ...string) (map[string]int32, error) {
	limits := make(map[string]int32, len(topics))
	if len(topics) == 0 {
		return limits, nil
	}
	answers, err := d.admin.DescribeTopicConfigs(ctx, topics...)
	if err != nil {
		return nil, err
	}
	for _, a := range answers {
		if isMissing(a.Err) {
			continue
		}
		if a.Err != nil {
			return nil, fmt.Errorf("settings of topic %q: %w", a.Name, a.Err)
		}
		limits[a.Name] = limitIn(a)
	}
	return limits, nil
}

func limitIn(r kadm.ResourceConfig) int32 {
	for _, c := range r.Configs {
		if c.Key != maxBytesConfig {
			continue
		}
		if n, err := strconv.ParseInt(c.MaybeValue(), 10, 32); err == nil && n > 0 {
			return int32(n)
		}
	}
	return defaultLimit
}

// askLimit is for [limits].
func (d *Driver) askLimit(ctx context.Context, topic string) (int32, error) {
	answers, err := d.askLimits(ctx, topic)
	if err != nil {
		return 0, err
	}
	limit, ok := answers[topic]
	if !ok {
		return 0, kerr.UnknownTopicOrPartition
	}
	return limit, nil
}

// Create implements [driver.Admin].
func (d *Driver) Create(ctx context.Context, topics ...driver.Topic) error {
	if d.closed() {
		return fmt.Errorf("create topics: %w", drivers.ErrClosed)
	}
	if len(topics) == 0 {
		return nil
	}
	patient := ctx
	ctx, cancel := d.connects.impatient(ctx)
	defer cancel()
	resp, err := createRequest(topics).RequestWith(ctx, d.client)
	if err != nil {
		return fmt.Errorf("create topics: %w", d.reason(ctx, err))
	}
	var errs []error
	var created []string
	for _, t := range resp.Topics {
		err := kerr.ErrorForCode(t.ErrorCode)
		switch {
		case err == nil:
			created = append(created, t.Topic)
		case errors.Is(err, kerr.TopicAlreadyExists):
		case t.ErrorMessage != nil:
			errs = append(errs, fmt.Errorf("create topic %q: %w: %s", t.Topic, err, *t.ErrorMessage))
		default:
			errs = append(errs, fmt.Errorf("create topic %q: %w", t.Topic, err))
		}
	}
	if err := d.awaitTopics(patient, created); err != nil {
		errs = append(errs, fmt.Errorf("wait for created topics: %w", d.reason(patient, err)))
	}
	return errors.Join(errs...)
}

func createRequest(topics []driver.Topic) *kmsg.CreateTopicsRequest {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = int32(createTimeout.Milliseconds())
	for _, t := range topics {
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic = t.Name
		topic.NumPartitions, topic.ReplicationFactor = -1, -1
		if t.Partitions != 0 {
			topic.NumPartitions = t.Partitions
		}
		if t.Replicas != 0 {
			topic.ReplicationFactor = t.Replicas
		}
		settings := maps.Clone(t.Config)
		if t.MaxBytes != 0 {
			if settings == nil {
				settings = map[string]string{}
			}
			settings[maxBytesConfig] = strconv.Itoa(t.MaxBytes)
		}
		for _, key := range slices.Sorted(maps.Keys(settings)) {
			setting := kmsg.NewCreateTopicsRequestTopicConfig()
			setting.Name, setting.Value = key, kmsg.StringPtr(settings[key])
			topic.Configs = append(topic.Configs, setting)
		}
		req.Topics = append(req.Topics, topic)
	}
	return req
}

// awaitTopics waits until each broker that can be reached knows the topics and
// the leaders of their partitions: a cluster spreads that news with some delay.
func (d *Driver) awaitTopics(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return nil
	}
	for _, broker := range d.client.DiscoveredBrokers() {
		for !d.knows(ctx, broker, names) {
			pause(ctx, askAgain)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if d.closed() {
				return drivers.ErrClosed
			}
		}
	}
	return nil
}

func (d *Driver) knows(ctx context.Context, broker *kgo.Broker, names []string) bool {
	found, err := d.describe(ctx, broker, names...)
	if err != nil {
		return ctx.Err() == nil // a broker that is away will know when it is back
	}
	for _, name := range names {
		if !found[name].leaders {
			return false
		}
	}
	return true
}

// await asks for the topics until a broker answers. It returns an error when ctx
// ends, when the driver is closed, or when the broker refuses.
func (d *Driver) await(ctx context.Context, names ...string) (map[string]description, error) {
	for {
		found, err := d.describe(ctx, d.client, names...)
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
	return ctx.Err() != nil || d.closed() || isRefusal(err)
}

package asynccalls

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"time"

	"github.com/asynccalls/asynccalls/internal/delivery"
	"github.com/asynccalls/asynccalls/internal/info"
	"github.com/asynccalls/asynccalls/internal/topics"
)

// Option is a setting of a [Service]: [Topics], [Limits], [Retry], [ErrorHandler], [Hooks],
// [WithLogger], [WithReplyOrdinal] or [WithoutTopicCreation].
type Option interface{ apply(c *config) }

// EndpointOption is a setting of one endpoint or handler of responses: [Limits],
// [Retry], [ErrorHandler] or [WithEnds].
type EndpointOption interface{ applyEndpoint(e *endpointConfig) }

// Topics says how the topics of a service are named and created. Topics that
// exist already are used as they are.
type Topics struct {
	// Prefix is put before the names of all topics and groups, without a
	// separator, to keep apart what shares a cluster, such as "staging.".
	Prefix string

	Partitions      int32         // of the topics for requests, responses and dead letters; default 4
	ReplyPartitions int32         // of the topic for responses to awaited calls; default 8
	Replicas        int16         // default: the broker's
	Retention       time.Duration // of requests, responses and dead letters; default: the broker's

	// ReplyRetention is how long responses to awaited calls are kept; default 1
	// hour, at least twice Limits.MaxCall.
	ReplyRetention time.Duration
}

// Limits bounds what a service does at a time. Only Concurrency, as a
// part of that of the service, and Handler can be set for an endpoint.
type Limits struct {
	// Concurrency is how many handlers run at a time; default 256. A handler that
	// waits in a call of its own is not counted for the service, but it is for its
	// endpoint.
	Concurrency int

	Handler time.Duration // a handler's context ends after that; default 1 minute
	Grace   time.Duration // for handlers to end when Listen's context is done; default 30 seconds
	Call    time.Duration // a call without a deadline ends after that; default 30 seconds
	MaxCall time.Duration // a deadline further away is refused; default 10 minutes

	// Window bounds the messages of one partition from the first that is not done
	// to the newest: about as many are delivered again after a crash while one
	// waits for its next attempt, or is stuck. WindowBytes bounds what they hold,
	// with 1 KiB more for each that is not done. At a bound the partition is paused
	// until half of it is free. Defaults 100,000 and 32 MiB.
	Window, WindowBytes int

	// SendBytes bounds the responses to one destination that the broker has not
	// acknowledged yet, with 256 bytes more for each: those to the callers that wait
	// in one partition, and the durable ones to one service. At the bound
	// ResponseWriter.Send waits. Default 16 MiB.
	SendBytes int

	// CallBytes and ReplyBytes bound the responses that wait to be read, of one
	// call and of all. Beyond them the call that gets another response ends with
	// ErrSlowReader. Defaults 4 MiB and 256 MiB.
	CallBytes, ReplyBytes int
}

// Retry says how often a message whose handler failed is tried again, and when,
// before it goes to the dead letters. Meanwhile it holds up the messages of its
// own key, and no others; its attempts are forgotten when its partition goes to
// another instance.
type Retry struct {
	// Attempts is the number of attempts in all; default 5, and 1 for none again. The
	// last one begins within a minute of the first failure.
	Attempts int

	// Backoff is the time until the second attempt; default 250 milliseconds.
	// It doubles with each one up to MaxBackoff, default 10 seconds. Each time is
	// shortened at random by up to a half.
	Backoff, MaxBackoff time.Duration

	// Awaited says that awaited requests are tried again like others, and become
	// dead letters like others. By default the first failure ends the call.
	Awaited bool
}

// randomPartition is the reply ordinal of a service that was given none.
const randomPartition = math.MinInt

// config is what the options of a service come to.
type config struct {
	topics       Topics
	limits       Limits
	retry        Retry
	logger       *slog.Logger
	replyOrdinal int // or randomPartition
	createTopics bool
	errors       ErrorHandler // nil is none
	hooks        []Hooks
}

// endpointConfig is what the options of an endpoint come to.
type endpointConfig struct {
	limits Limits
	retry  Retry
	ends   bool
	types  info.Types
	errors ErrorHandler // nil is that of the service
}

type optionFunc func(*config)

func (f optionFunc) apply(c *config) { f(c) }

type endpointOptionFunc func(*endpointConfig)

func (f endpointOptionFunc) applyEndpoint(e *endpointConfig) { f(e) }

func (t Topics) apply(c *config) { c.topics = t }

func (l Limits) apply(c *config) { c.limits = l }

func (l Limits) applyEndpoint(e *endpointConfig) { e.limits = l }

func (r Retry) apply(c *config) { c.retry = r }

func (r Retry) applyEndpoint(e *endpointConfig) { e.retry = r }

// WithLogger sets where the service reports what no caller can be told. The
// default discards it. Bodies and header values are never logged.
func WithLogger(l *slog.Logger) Option { return optionFunc(func(c *config) { c.logger = l }) }

// WithReplyOrdinal sets the partition that this process gets its responses
// from: n modulo the number of partitions. Give each instance a number of its
// own, such as that of a pod in a stateful set, and the responses spread
// evenly; the default is a random partition.
func WithReplyOrdinal(n int) Option { return optionFunc(func(c *config) { c.replyOrdinal = n }) }

// WithoutTopicCreation makes a missing topic of the service an error that says
// how to create it.
func WithoutTopicCreation() Option { return optionFunc(func(c *config) { c.createTopics = false }) }

// WithEnds has a handler of responses called also for an end that carries no
// response: one with End set and no Body.
func WithEnds() EndpointOption { return endpointOptionFunc(func(e *endpointConfig) { e.ends = true }) }

// newConfig applies and checks the options of a service.
func newConfig(options []Option) (*config, error) {
	c := &config{logger: slog.New(slog.DiscardHandler), replyOrdinal: randomPartition, createTopics: true}
	for i, o := range options {
		if o == nil {
			return nil, fmt.Errorf("option %d is nil", i)
		}
		o.apply(c)
	}
	if c.logger == nil {
		return nil, errors.New("WithLogger: the logger is nil")
	}
	if c.replyOrdinal < 0 && c.replyOrdinal != randomPartition {
		return nil, fmt.Errorf("WithReplyOrdinal: %d is negative", c.replyOrdinal)
	}
	return c, errors.Join(completeTopics(&c.topics), completeLimits(&c.limits), completeRetry(&c.retry), c.compatible())
}

// compatible checks what two options must agree on.
func (c *config) compatible() error {
	if c.topics.ReplyRetention < 2*c.limits.MaxCall {
		return fmt.Errorf("option Topics.ReplyRetention: %v is less than twice Limits.MaxCall, which is %v",
			c.topics.ReplyRetention, c.limits.MaxCall)
	}
	return nil
}

// complete puts the defaults in and checks the ranges.
func completeTopics(t *Topics) error {
	return errors.Join(
		validPrefix(t.Prefix),
		complete("Topics.Partitions", &t.Partitions, topics.DefaultPartitions, 100_000),
		complete("Topics.ReplyPartitions", &t.ReplyPartitions, topics.DefaultReplyPartitions, 100_000),
		complete("Topics.Replicas", &t.Replicas, 0, 1000),
		complete("Topics.Retention", &t.Retention, 0, maxDuration),
		complete("Topics.ReplyRetention", &t.ReplyRetention, topics.DefaultReplyRetention, maxDuration),
	)
}

// complete puts the defaults in and checks the ranges.
func completeLimits(l *Limits) error {
	return errors.Join(
		complete("Limits.Concurrency", &l.Concurrency, 256, 1_000_000),
		complete("Limits.Handler", &l.Handler, time.Minute, maxDuration),
		complete("Limits.Grace", &l.Grace, 30*time.Second, maxDuration),
		complete("Limits.Call", &l.Call, min(30*time.Second, cmp.Or(l.MaxCall, maxDuration)), maxDuration),
		complete("Limits.MaxCall", &l.MaxCall, max(10*time.Minute, l.Call), maxDuration),
		complete("Limits.Window", &l.Window, 100_000, 1<<30),
		complete("Limits.WindowBytes", &l.WindowBytes, 32<<20, 1<<40),
		complete("Limits.SendBytes", &l.SendBytes, 16<<20, 1<<40),
		complete("Limits.CallBytes", &l.CallBytes, 4<<20, 1<<40),
		complete("Limits.ReplyBytes", &l.ReplyBytes, 256<<20, 1<<40),
		callsFit(l),
	)
}

// firstRetry is the default of Retry.Backoff.
const firstRetry = 250 * time.Millisecond

// completeRetry puts the defaults in and checks the ranges.
func completeRetry(r *Retry) error {
	return errors.Join(
		complete("Retry.Attempts", &r.Attempts, 5, 1_000_000),
		complete("Retry.Backoff", &r.Backoff, min(firstRetry, cmp.Or(r.MaxBackoff, maxDuration)), maxDuration),
		complete("Retry.MaxBackoff", &r.MaxBackoff, max(10*time.Second, r.Backoff), maxDuration),
		backoffsFit(r),
	)
}

func backoffsFit(r *Retry) error {
	if r.Backoff > r.MaxBackoff {
		return fmt.Errorf("option Retry.Backoff: %v is more than Retry.MaxBackoff, which is %v",
			r.Backoff, r.MaxBackoff)
	}
	return nil
}

// inherit takes over what an endpoint does not set from the service.
func inherit(r *Retry, service Retry) {
	r.Attempts = cmp.Or(r.Attempts, service.Attempts)
	r.MaxBackoff = cmp.Or(r.MaxBackoff, max(service.MaxBackoff, r.Backoff))
	r.Backoff = cmp.Or(r.Backoff, min(service.Backoff, r.MaxBackoff))
	r.Awaited = r.Awaited || service.Awaited
}

func callsFit(l *Limits) error {
	if l.Call > l.MaxCall {
		return fmt.Errorf("option Limits.Call: %v is more than Limits.MaxCall, which is %v", l.Call, l.MaxCall)
	}
	return nil
}

// maxDuration is the longest time that any setting may have: the longest TTL
// of the protocol.
const maxDuration = 365 * 24 * time.Hour

// complete gives a field its default if it is zero, and checks its range.
func complete[T int | int16 | int32 | time.Duration](name string, field *T, preset, most T) error {
	if *field == 0 {
		*field = preset
	}
	if *field < 0 || *field > most {
		return fmt.Errorf("option %s: %v is not between 1 and %v, nor 0 for the default of %v",
			name, *field, most, preset)
	}
	return nil
}

// inTopic is what the names of topics may consist of.
const inTopic = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._-"

func validPrefix(prefix string) error {
	const most = 100
	if len(prefix) > most {
		return fmt.Errorf("option Topics.Prefix: %q is longer than %d characters", prefix, most)
	}
	if rest := strings.Trim(prefix, inTopic); rest != "" {
		return fmt.Errorf("option Topics.Prefix: %q holds %q; a topic's name is letters, digits, '.', '_' and '-'",
			prefix, rest)
	}
	return nil
}

// layout returns what the topics of services are by these settings.
func (c *config) layout() *topics.Settings { return (*topics.Settings)(&c.topics) }

func (c *config) bound() delivery.Bound {
	return delivery.Bound{Records: c.limits.Window, Bytes: c.limits.WindowBytes}
}

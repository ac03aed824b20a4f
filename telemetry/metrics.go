package telemetry

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

const (
	serviceKey = attribute.Key("asynccalls.service")
	kindKey    = attribute.Key("asynccalls.kind")
	changeKey  = attribute.Key("asynccalls.change")
)

// patience is how long the collection of metrics waits for the broker.
const patience = 2 * time.Second

// metrics are those of a service.
type metrics struct {
	service      *asynccalls.Service
	callEndpoint func(service, endpoint string) string
	registration metric.Registration

	call, queue, handler                                   metric.Float64Histogram
	sent, retries, dead, late, duplicate, rebalances, gaps metric.Int64Counter

	all metric.MeasurementOption // asynccalls.service alone

	sets   atomic.Pointer[map[labels]*measured] // bounded, as the labels are; replaced to add to it
	adding sync.Mutex                           // held to replace it
}

// labels are the attributes of a measurement beside asynccalls.service; "" is none.
type labels struct{ kind, peer, endpoint, change, failure string }

// measured is a set of attributes as the two kinds of instruments take it.
type measured struct {
	record []metric.RecordOption
	add    []metric.AddOption
}

func newMetrics(
	s *asynccalls.Service, p metric.MeterProvider, callEndpoint func(service, endpoint string) string,
) (*metrics, error) {
	m := &metrics{service: s, callEndpoint: callEndpoint}
	m.sets.Store(&map[labels]*measured{})
	m.all = metric.WithAttributeSet(attribute.NewSet(serviceKey.String(s.String())))
	meter := p.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL))
	short := []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
	long := append(short[:len(short):len(short)], 300, 900, 3600)
	var errs []error
	for _, h := range []struct {
		to         *metric.Float64Histogram
		name, text string
		buckets    []float64
	}{
		{&m.call, "asynccalls.call.duration", "Calls as their callers see them, to their end.", short},
		{&m.queue, "asynccalls.queue.duration", "From when a message was sent to its first attempt.", long},
		{&m.handler, "asynccalls.handler.duration", "Attempts at messages.", short},
	} {
		var err error
		*h.to, err = meter.Float64Histogram(h.name, metric.WithUnit("s"), metric.WithDescription(h.text),
			metric.WithExplicitBucketBoundaries(h.buckets...))
		errs = append(errs, err)
	}
	for _, c := range []struct {
		to               *metric.Int64Counter
		name, unit, text string
	}{
		{&m.sent, "asynccalls.requests.sent", "{request}", "Requests that the broker has stored, or not."},
		{&m.retries, "asynccalls.retries", "{attempt}", "Failed attempts that are followed by another."},
		{&m.dead, "asynccalls.dead_letters", "{message}", "Messages that became dead letters."},
		{&m.late, "asynccalls.responses.late", "{response}", "Responses that came after the end of their call."},
		{&m.duplicate, "asynccalls.responses.duplicate", "{response}", "Responses that were not delivered again."},
		{&m.rebalances, "asynccalls.rebalances", "{event}", "Times that partitions came, or went."},
		{&m.gaps, "asynccalls.gaps", "{gap}", "Times that the broker has lost messages not received yet."},
	} {
		var err error
		*c.to, err = meter.Int64Counter(c.name, metric.WithUnit(c.unit), metric.WithDescription(c.text))
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, c := range []metric.Int64Counter{m.late, m.duplicate, m.gaps} {
		c.Add(context.Background(), 0, m.all) // so that the first one is an increase
	}
	var err error
	m.registration, err = m.observe(meter)
	return m, err
}

// set returns the attributes for labels.
func (m *metrics) set(l labels) *measured {
	if known := (*m.sets.Load())[l]; known != nil {
		return known
	}
	m.adding.Lock()
	defer m.adding.Unlock()
	sets := *m.sets.Load()
	if known := sets[l]; known != nil {
		return known
	}
	sets = maps.Clone(sets)
	sets[l] = m.measured(l)
	m.sets.Store(&sets)
	return sets[l]
}

func (m *metrics) measured(l labels) *measured {
	attributes := typed([]attribute.KeyValue{serviceKey.String(m.service.String())}, l.failure)
	for _, a := range []struct {
		key   attribute.Key
		value string
	}{{kindKey, l.kind}, {peerKey, l.peer}, {endpointKey, l.endpoint}, {changeKey, l.change}} {
		if a.value != "" {
			attributes = append(attributes, a.key.String(a.value))
		}
	}
	o := metric.WithAttributeSet(attribute.NewSet(attributes...))
	return &measured{[]metric.RecordOption{o}, []metric.AddOption{o}}
}

// called measures a call that has ended.
func (m *metrics) called(ctx context.Context, r *asynccalls.Request, took time.Duration, failed string) {
	l := labels{peer: r.Service, endpoint: m.callEndpoint(r.Service, r.Endpoint), failure: failed}
	m.call.Record(ctx, took.Seconds(), m.set(l).record...)
}

// stored counts a request that the broker has stored, or not.
func (m *metrics) stored(ctx context.Context, r *asynccalls.Request, err error) {
	m.sent.Add(ctx, 1, m.set(labels{peer: r.Service, failure: failure(err)}).add...)
}

// handled measures an attempt.
func (m *metrics) handled(ctx context.Context, h *asynccalls.Handled, span trace.Span) {
	if span.SpanContext().IsSampled() {
		ctx = trace.ContextWithSpan(ctx, span) // for exemplars
	}
	l := m.labels(h)
	if h.Attempt == 1 {
		m.queue.Record(ctx, h.Queued.Seconds(), m.set(l).record...)
	}
	if !h.Retry.IsZero() {
		m.retries.Add(ctx, 1, m.set(l).add...)
	}
	l.failure = failureOf(h)
	m.handler.Record(ctx, h.Took.Seconds(), m.set(l).record...)
}

// buried counts a dead letter.
func (m *metrics) buried(ctx context.Context, h *asynccalls.Handled) {
	l := m.labels(h)
	l.failure = strconv.Itoa(h.Status)
	m.dead.Add(ctx, 1, m.set(l).add...)
}

// labels says which handler had a message.
func (m *metrics) labels(h *asynccalls.Handled) labels {
	l := labels{kind: "request", endpoint: h.Pattern}
	if h.Response != nil {
		l.kind = "response"
	}
	if l.endpoint == "" {
		l.endpoint = semconv.ErrorTypeOther.Value.AsString()
	}
	return l
}

// hooks are what reports all but calls.
func (i *instrument) hooks() asynccalls.Hooks {
	background := context.Background()
	changed := func(change string) func([]driver.Partition) {
		return func([]driver.Partition) { i.rebalances.Add(background, 1, i.set(labels{change: change}).add...) }
	}
	return asynccalls.Hooks{
		BeforeSend: i.beforeSend,
		AfterSend: func(ctx context.Context, r *asynccalls.Request, at asynccalls.Source, err error) {
			i.afterSend(ctx, r, at, err)
			i.stored(ctx, r, err)
		},
		AfterHandle: func(ctx context.Context, h *asynccalls.Handled) {
			i.handled(ctx, h, i.afterHandle(ctx, h))
		},
		OnDeadLetter:        i.buried,
		OnLateResponse:      func(*asynccalls.Response) { i.late.Add(background, 1, i.all) },
		OnDuplicateResponse: func(*asynccalls.Response) { i.duplicate.Add(background, 1, i.all) },
		OnAssign:            changed("assigned"),
		OnRevoke:            changed("revoked"),
		OnGap:               func(*driver.LostError) { i.gaps.Add(background, 1, i.all) },
	}
}

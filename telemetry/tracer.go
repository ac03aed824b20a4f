package telemetry

import (
	"context"
	"strconv"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/asynccalls/asynccalls"
)

// remembered is how many messages are remembered that wait for their next attempt,
// so that its span has a link to the one before.
const remembered = 10_000

// Attributes of spans that the conventions have none for.
const (
	endpointKey  = attribute.Key("asynccalls.endpoint")
	peerKey      = attribute.Key("asynccalls.peer")
	attemptKey   = attribute.Key("asynccalls.attempt")
	retryKey     = attribute.Key("asynccalls.retry")
	deadKey      = attribute.Key("asynccalls.dead_letter")
	responsesKey = attribute.Key("asynccalls.responses")
	seqKey       = attribute.Key("asynccalls.response.seq")
	endKey       = attribute.Key("asynccalls.response.end")
	statusKey    = attribute.Key("asynccalls.status")
)

// tracer makes the spans of a service.
type tracer struct {
	service    string
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator

	sending  sync.Map                                         // *asynccalls.Request to trace.Span, from BeforeSend to AfterSend
	handling sync.Map                                         // asynccalls.Source to trace.Span, from the handler to AfterHandle
	attempts *lru.Cache[asynccalls.Source, trace.SpanContext] // that failed, of messages that are tried again
}

func newTracer(s *asynccalls.Service, p trace.TracerProvider, propagator propagation.TextMapPropagator) *tracer {
	attempts, _ := lru.New[asynccalls.Source, trace.SpanContext](remembered) // fails only if that is not positive
	return &tracer{
		service:    s.String(),
		tracer:     p.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL)),
		propagator: propagator,
		attempts:   attempts,
	}
}

// start begins a span of a message.
func (t *tracer) start(
	ctx context.Context, name, operation string, kind trace.SpanKind, o ...trace.SpanStartOption,
) (context.Context, trace.Span) {
	operationType := semconv.MessagingOperationTypeSend
	switch operation {
	case "process":
		operationType = semconv.MessagingOperationTypeProcess
	case "receive":
		operationType = semconv.MessagingOperationTypeReceive
	}
	o = append(o, trace.WithSpanKind(kind), trace.WithAttributes(
		semconv.MessagingSystemKafka, semconv.MessagingOperationName(operation), operationType))
	return t.tracer.Start(ctx, operation+" "+name, o...)
}

// inject lets the trace go on where a message is received.
func (t *tracer) inject(ctx context.Context, h *asynccalls.Header) {
	t.propagator.Inject(ctx, carrier{h})
}

// beforeSend begins the span of a request of Send or Notify.
func (t *tracer) beforeSend(ctx context.Context, r *asynccalls.Request) error {
	if callOf(ctx) != nil {
		return nil
	}
	ctx, span := t.start(ctx, r.Service, "send", trace.SpanKindProducer, trace.WithAttributes(
		peerKey.String(r.Service), endpointKey.String(r.Endpoint), semconv.MessagingMessageID(r.ID)))
	t.inject(ctx, &r.Header)
	if span.IsRecording() {
		t.sending.Store(r, span)
	}
	return nil
}

// afterSend tells a span where its request is, and ends that of Send or Notify.
func (t *tracer) afterSend(ctx context.Context, r *asynccalls.Request, at asynccalls.Source, err error) {
	if c := callOf(ctx); c != nil {
		if err == nil {
			c.span.SetAttributes(located(at)...)
		}
		return
	}
	if found, ok := t.sending.LoadAndDelete(r); ok {
		span, _ := found.(trace.Span)
		if err == nil {
			span.SetAttributes(located(at)...)
		}
		end(span, err, failure(err))
	}
}

// located says where a message is.
func located(at asynccalls.Source) []attribute.KeyValue {
	return []attribute.KeyValue{
		semconv.MessagingDestinationName(at.Topic),
		semconv.MessagingDestinationPartitionID(strconv.Itoa(int(at.Partition))),
		semconv.MessagingKafkaOffset(int(at.Offset)),
	}
}

// end ends a span; failed names the error if it is one.
func end(span trace.Span, err error, failed string, o ...trace.SpanEndOption) {
	if failed != "" {
		span.SetStatus(codes.Error, err.Error())
		span.SetAttributes(semconv.ErrorTypeKey.String(failed))
	}
	span.End(o...)
}

// handle begins the span of an attempt at a request. afterHandle ends it.
func (t *tracer) handle(next asynccalls.Handler) asynccalls.Handler {
	return func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
		ctx, span := t.process(t.propagator.Extract(ctx, carrier{&r.Header}), r.Source, ofRequest(r))
		if span.IsRecording() {
			w = &writer{w, t, span, r}
		}
		return next(ctx, w, r)
	}
}

// handleResponse begins the span of an attempt at a response.
func (t *tracer) handleResponse(next asynccalls.ResponseHandler) asynccalls.ResponseHandler {
	return func(ctx context.Context, r *asynccalls.Response) error {
		ctx, _ = t.process(t.propagator.Extract(ctx, carrier{&r.Header}), r.Source, ofResponse(r))
		return next(ctx, r)
	}
}

// process begins the span of an attempt at a message. Its name is complete when it
// ends, since middleware does not know the pattern.
func (t *tracer) process(
	ctx context.Context, at asynccalls.Source, attributes []attribute.KeyValue, o ...trace.SpanStartOption,
) (context.Context, trace.Span) {
	o = append(o, trace.WithAttributes(located(at)...), trace.WithAttributes(attributes...),
		trace.WithAttributes(semconv.MessagingConsumerGroupName(t.service)))
	if before, ok := t.attempts.Get(at); ok {
		o = append(o, trace.WithLinks(trace.Link{SpanContext: before}))
	}
	ctx, span := t.start(ctx, t.service, "process", trace.SpanKindConsumer, o...)
	if span.SpanContext().IsValid() {
		t.handling.Store(at, span)
	}
	return ctx, span
}

func ofRequest(r *asynccalls.Request) []attribute.KeyValue {
	return []attribute.KeyValue{
		peerKey.String(r.From), endpointKey.String(r.Endpoint), attemptKey.Int(r.Attempt),
		semconv.MessagingMessageID(r.ID), semconv.MessagingMessageBodySize(len(r.Body)),
	}
}

func ofResponse(r *asynccalls.Response) []attribute.KeyValue {
	return []attribute.KeyValue{
		peerKey.String(r.Service), endpointKey.String(r.Endpoint), seqKey.Int(r.Seq), endKey.Bool(r.End),
		statusKey.Int(r.Status), semconv.MessagingMessageID(r.ID), semconv.MessagingMessageBodySize(len(r.Body)),
		semconv.MessagingMessageConversationID(r.RequestID),
	}
}

// afterHandle ends the span of an attempt, and returns it. A message for which no
// handler was called gets one here.
func (t *tracer) afterHandle(ctx context.Context, h *asynccalls.Handled) trace.Span {
	at, header, attributes := describe(h)
	if header == nil {
		return trace.SpanFromContext(ctx)
	}
	var span trace.Span
	if found, ok := t.handling.LoadAndDelete(at); ok {
		span, _ = found.(trace.Span)
	} else {
		_, span = t.process(t.propagator.Extract(ctx, carrier{header}), at, attributes,
			trace.WithTimestamp(time.Now().Add(-h.Took)))
		t.handling.Delete(at)
	}
	if h.Retry.IsZero() {
		t.attempts.Remove(at)
	} else if span.SpanContext().IsSampled() {
		t.attempts.Add(at, span.SpanContext())
	}
	if !span.IsRecording() {
		return span
	}
	if h.Pattern != "" {
		span.SetName("process " + h.Pattern)
	}
	span.SetAttributes(statusKey.Int(h.Status), retryKey.Bool(!h.Retry.IsZero()), deadKey.Bool(h.Dead))
	failed := failureOf(h)
	if h.Err != nil && failed == "" { // the error says that all is well, such as Drop
		span.SetStatus(codes.Ok, "")
	}
	end(span, h.Err, failed)
	return span
}

// describe says which message was handled; the header is nil if it was none.
func describe(h *asynccalls.Handled) (at asynccalls.Source, header *asynccalls.Header, attributes []attribute.KeyValue) {
	switch {
	case h.Request != nil:
		return h.Request.Source, &h.Request.Header, ofRequest(h.Request)
	case h.Response != nil:
		return h.Response.Source, &h.Response.Header, ofResponse(h.Response)
	default:
		return asynccalls.Source{}, nil, nil
	}
}

// writer makes a span of each response.
type writer struct {
	asynccalls.ResponseWriter
	t       *tracer
	span    trace.Span
	request *asynccalls.Request
}

// Send implements [asynccalls.ResponseWriter].
func (w *writer) Send(ctx context.Context, r *asynccalls.Response) error {
	if r == nil {
		return w.ResponseWriter.Send(ctx, r)
	}
	if !trace.SpanContextFromContext(ctx).IsValid() {
		ctx = trace.ContextWithSpan(ctx, w.span)
	}
	ctx, span := w.t.start(ctx, w.t.service, "respond", trace.SpanKindProducer, trace.WithAttributes(
		peerKey.String(w.request.From), endpointKey.String(w.request.Endpoint),
		semconv.MessagingMessageConversationID(w.request.ID), semconv.MessagingMessageBodySize(len(r.Body))))
	if span.IsRecording() {
		w.t.inject(ctx, &r.Header)
	}
	err := w.ResponseWriter.Send(ctx, r)
	if err == nil {
		span.SetAttributes(seqKey.Int(r.Seq), endKey.Bool(r.End), statusKey.Int(r.Status), semconv.MessagingMessageID(r.ID))
	}
	end(span, err, failure(err))
	return err
}

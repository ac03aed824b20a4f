package telemetry

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/asynccalls/asynccalls"
	lru "github.com/hashicorp/golang-lru/v2"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
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

// responses is how the context of a trace comes along with responses. It is not up to
// the user: of other headers the library expects that each attempt at a request gives
// its responses the same.
type responses = propagation.TraceContext

// operation is a kind of spans: what the conventions want to know of a span when it
// begins, so that a sampler can decide. The rest is only told to those that record.
type operation struct {
	name  string
	start []trace.SpanStartOption
}

func newOperation(name string, is attribute.KeyValue, kind trace.SpanKind, more ...attribute.KeyValue) operation {
	return operation{name, []trace.SpanStartOption{
		trace.WithSpanKind(kind),
		trace.WithAttributes(append(more, semconv.MessagingSystemKafka, semconv.MessagingOperationName(name), is)...),
	}}
}

// tracer makes the spans of a service.
type tracer struct {
	service                               string
	tracer                                trace.Tracer
	propagator                            propagation.TextMapPropagator // of requests
	off                                   bool                          // there is nobody to report to
	call, send, process, respond, receive operation

	// sending has the spans of requests from BeforeSend to AfterSend: *asynccalls.Request
	// to trace.Span. handling has those of attempts from the handler to AfterHandle:
	// asynccalls.Source to trace.Span.
	sending, handling sync.Map

	attempts *lru.Cache[asynccalls.Source, trace.SpanContext] // that failed, of messages that are tried again
}

func newTracer(s *asynccalls.Service, p trace.TracerProvider, propagator propagation.TextMapPropagator) *tracer {
	attempts, _ := lru.New[asynccalls.Source, trace.SpanContext](remembered) // fails only if that is not positive
	_, off := p.(noop.TracerProvider)
	return &tracer{
		service:    s.String(),
		off:        off,
		tracer:     p.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL)),
		propagator: propagator,
		call:       newOperation("call", semconv.MessagingOperationTypeSend, trace.SpanKindProducer),
		send:       newOperation("send", semconv.MessagingOperationTypeSend, trace.SpanKindProducer),
		process: newOperation("process", semconv.MessagingOperationTypeProcess, trace.SpanKindConsumer,
			semconv.MessagingConsumerGroupName(s.String())),
		respond:  newOperation("respond", semconv.MessagingOperationTypeSend, trace.SpanKindProducer),
		receive:  newOperation("receive", semconv.MessagingOperationTypeReceive, trace.SpanKindConsumer),
		attempts: attempts,
	}
}

// begin begins a span.
func (t *tracer) begin(
	ctx context.Context, o *operation, of string, more ...trace.SpanStartOption,
) (context.Context, trace.Span) {
	if t.off {
		return ctx, noop.Span{}
	}
	all := o.start
	if len(more) > 0 {
		all = slices.Concat(all, more)
	}
	return t.tracer.Start(ctx, o.name+" "+of, all...)
}

// inject lets the trace go on where a message is received.
func (t *tracer) inject(ctx context.Context, h *asynccalls.Header) {
	t.propagator.Inject(ctx, carrier{h})
}

// beforeSend begins the span of a request of Send or Notify. The span of a call has
// begun before.
func (t *tracer) beforeSend(ctx context.Context, r *asynccalls.Request) error {
	if t.off {
		return nil
	}
	if callOf(ctx, r) == nil {
		var span trace.Span
		ctx, span = t.begin(ctx, &t.send, r.Service)
		if span.IsRecording() {
			span.SetAttributes(ofSent(r)...)
			t.sending.Store(r, span)
		}
	}
	t.inject(ctx, &r.Header)
	return nil
}

// afterSend tells a span where its request is, and ends that of Send or Notify.
func (t *tracer) afterSend(ctx context.Context, r *asynccalls.Request, at asynccalls.Source, err error) {
	if t.off {
		return
	}
	if c := callOf(ctx, r); c != nil {
		if err == nil && c.span.IsRecording() {
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

// ofSent describes a request to another service.
func ofSent(r *asynccalls.Request) []attribute.KeyValue {
	return []attribute.KeyValue{
		peerKey.String(r.Service), endpointKey.String(r.Endpoint),
		semconv.MessagingMessageID(r.ID), semconv.MessagingMessageBodySize(len(r.Body)),
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
func end(span trace.Span, err error, failed string) {
	if failed != "" {
		span.SetStatus(codes.Error, err.Error())
		span.SetAttributes(semconv.ErrorTypeKey.String(failed))
	}
	span.End()
}

// handle begins the span of an attempt at a request. afterHandle ends it.
func (t *tracer) handle(next asynccalls.Handler) asynccalls.Handler {
	return func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
		ctx, span := t.attempt(t.propagator.Extract(ctx, carrier{&r.Header}), r.Source)
		if span.IsRecording() {
			span.SetAttributes(ofRequest(r)...)
			w = &writer{w, t, span, r}
		}
		return next(ctx, w, r)
	}
}

// handleResponse begins the span of an attempt at a response.
func (t *tracer) handleResponse(next asynccalls.ResponseHandler) asynccalls.ResponseHandler {
	return func(ctx context.Context, r *asynccalls.Response) error {
		ctx, span := t.attempt(responses{}.Extract(ctx, carrier{&r.Header}), r.Source)
		if span.IsRecording() {
			span.SetAttributes(ofResponse(r)...)
		}
		return next(ctx, r)
	}
}

// attempt begins the span of an attempt at a message. Its name is complete when it
// ends, since middleware does not know the pattern.
func (t *tracer) attempt(
	ctx context.Context, at asynccalls.Source, o ...trace.SpanStartOption,
) (context.Context, trace.Span) {
	if before, ok := t.attempts.Get(at); ok {
		o = append(o, trace.WithLinks(trace.Link{SpanContext: before}))
	}
	ctx, span := t.begin(ctx, &t.process, t.service, o...)
	if span.SpanContext().IsValid() {
		t.handling.Store(at, span)
	}
	return ctx, span
}

func ofRequest(r *asynccalls.Request) []attribute.KeyValue {
	return append(located(r.Source), peerKey.String(r.From), endpointKey.String(r.Endpoint), attemptKey.Int(r.Attempt),
		semconv.MessagingMessageID(r.ID), semconv.MessagingMessageBodySize(len(r.Body)))
}

func ofResponse(r *asynccalls.Response) []attribute.KeyValue {
	return append(located(r.Source), peerKey.String(r.Service), endpointKey.String(r.Endpoint),
		seqKey.Int(r.Seq), endKey.Bool(r.End), statusKey.Int(r.Status), semconv.MessagingMessageID(r.ID),
		semconv.MessagingMessageBodySize(len(r.Body)), semconv.MessagingMessageConversationID(r.RequestID))
}

// afterHandle ends the span of an attempt, and returns it. A message for which no
// handler was called gets one here.
func (t *tracer) afterHandle(ctx context.Context, h *asynccalls.Handled) trace.Span {
	if t.off {
		return noop.Span{}
	}
	var at asynccalls.Source
	switch {
	case h.Request != nil:
		at = h.Request.Source
		ctx = t.propagator.Extract(ctx, carrier{&h.Request.Header})
	case h.Response != nil:
		at = h.Response.Source
		ctx = responses{}.Extract(ctx, carrier{&h.Response.Header})
	default:
		return trace.SpanFromContext(ctx)
	}
	span := t.spanOf(ctx, h, at)
	if h.Retry.IsZero() {
		t.attempts.Remove(at)
	} else if span.SpanContext().IsSampled() {
		t.attempts.Add(at, span.SpanContext())
	}
	if !span.IsRecording() {
		return span
	}
	if h.Pattern != "" {
		span.SetName(t.process.name + " " + h.Pattern)
	}
	span.SetAttributes(statusKey.Int(h.Status), retryKey.Bool(!h.Retry.IsZero()), deadKey.Bool(h.Dead))
	failed := failureOf(h)
	if h.Err != nil && failed == "" { // the error says that all is well, such as Drop
		span.SetStatus(codes.Ok, "")
	}
	end(span, h.Err, failed)
	return span
}

// spanOf returns the span of an attempt that is over.
func (t *tracer) spanOf(ctx context.Context, h *asynccalls.Handled, at asynccalls.Source) trace.Span {
	if found, ok := t.handling.LoadAndDelete(at); ok {
		span, _ := found.(trace.Span)
		return span
	}
	_, span := t.attempt(ctx, at, trace.WithTimestamp(time.Now().Add(-h.Took)))
	t.handling.Delete(at)
	switch {
	case !span.IsRecording():
	case h.Request != nil:
		span.SetAttributes(ofRequest(h.Request)...)
	default:
		span.SetAttributes(ofResponse(h.Response)...)
	}
	return span
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
	ctx, span := w.t.begin(ctx, &w.t.respond, w.t.service)
	if !span.IsRecording() {
		return w.ResponseWriter.Send(ctx, r)
	}
	responses{}.Inject(ctx, carrier{&r.Header})
	before := r.Run
	err := w.ResponseWriter.Send(ctx, r)
	if err == nil && r.Run == before {
		return nil // nobody gets it: the request is one-way; a span that does not end is not exported
	}
	span.SetAttributes(peerKey.String(w.request.From), endpointKey.String(w.request.Endpoint),
		semconv.MessagingMessageConversationID(w.request.ID), semconv.MessagingMessageBodySize(len(r.Body)))
	if err == nil {
		span.SetAttributes(seqKey.Int(r.Seq), endKey.Bool(r.End), statusKey.Int(r.Status),
			semconv.MessagingMessageID(r.ID))
	}
	end(span, err, failure(err))
	return err
}

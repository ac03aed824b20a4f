package telemetry

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/asynccalls/asynccalls"
)

// call is what is reported of a call. It ends when its responses were read, or its
// context ends.
type call struct {
	*instrument

	ctx       context.Context //nolint:containedctx // a call is what its context is about
	request   *asynccalls.Request
	span      trace.Span
	begun     time.Time
	responses atomic.Int64
	once      sync.Once // reports the end
}

type callKey struct{}

// callOf returns the call with this context, or nil outside of one.
func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// calls measures calls.
func (i *instrument) calls(next asynccalls.Caller) asynccalls.Caller {
	return func(ctx context.Context, r *asynccalls.Request) iter.Seq2[*asynccalls.Response, error] {
		if r == nil {
			return next(ctx, r)
		}
		c := &call{instrument: i, request: r, begun: time.Now()}
		ctx, c.span = i.start(ctx, r.Service, "call", trace.SpanKindProducer)
		if c.span.IsRecording() {
			c.span.SetAttributes(peerKey.String(r.Service), endpointKey.String(r.Endpoint), semconv.MessagingMessageID(r.ID))
		}
		i.inject(ctx, &r.Header)
		ctx = context.WithValue(ctx, callKey{}, c)
		c.ctx = ctx
		responses := next(ctx, r)
		stop := context.AfterFunc(ctx, func() { c.end(context.Cause(ctx)) })
		return func(yield func(*asynccalls.Response, error) bool) {
			var failed error
			defer func() { c.end(failed) }()
			defer stop()
			for resp, err := range responses {
				if failed = err; err == nil {
					c.receive(resp)
				}
				if !yield(resp, err) {
					return
				}
			}
		}
	}
}

// receive makes the span of a response that somebody reads. It belongs to the trace
// of the call whatever its headers say.
func (c *call) receive(r *asynccalls.Response) {
	c.responses.Add(1)
	if !c.span.IsRecording() {
		return
	}
	ctx := c.propagator.Extract(c.ctx, carrier{&r.Header})
	if trace.SpanContextFromContext(ctx).TraceID() != c.span.SpanContext().TraceID() {
		ctx = c.ctx
	}
	_, span := c.start(ctx, r.Service, "receive", trace.SpanKindConsumer,
		trace.WithAttributes(ofResponse(r)...), trace.WithAttributes(located(r.Source)...))
	span.End()
}

// end reports how the call ended, once.
func (c *call) end(err error) {
	c.once.Do(func() {
		failed := failure(err)
		c.called(c.ctx, c.request, time.Since(c.begun), failed)
		if c.span.IsRecording() {
			c.span.SetAttributes(responsesKey.Int64(c.responses.Load()))
		}
		end(c.span, err, failed)
	})
}

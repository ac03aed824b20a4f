package telemetry

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynccalls/asynccalls"
	"go.opentelemetry.io/otel/trace"
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

// callOf returns the call of which this is the request, and ctx the context; nil if
// the request is none of a call.
func callOf(ctx context.Context, r *asynccalls.Request) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	if c == nil || c.request != r {
		return nil
	}
	return c
}

// calls measures calls.
func (i *instrument) calls(next asynccalls.Caller) asynccalls.Caller {
	return func(ctx context.Context, r *asynccalls.Request) iter.Seq2[*asynccalls.Response, error] {
		if r == nil {
			return next(ctx, r)
		}
		c := &call{instrument: i, request: r, begun: time.Now()}
		c.start(ctx)
		responses := next(c.ctx, r) //nolint:contextcheck // it is made of ctx
		unread := func() bool { return true }
		if ctx.Done() != nil {
			unread = context.AfterFunc(ctx, func() { c.end(context.Cause(ctx)) })
		}
		return func(yield func(*asynccalls.Response, error) bool) { //nolint:contextcheck // c has it
			unread() // from now on the reader says how the call ends
			var failed error
			defer func() { c.end(failed) }()
			for resp, err := range responses {
				if failed = err; err == nil {
					c.received(resp)
				}
				if !yield(resp, err) {
					return
				}
			}
		}
	}
}

// start begins the span of the call.
func (c *call) start(ctx context.Context) {
	c.ctx, c.span = c.begin(ctx, &c.tracer.call, c.request.Service)
	if c.span.IsRecording() {
		c.span.SetAttributes(ofSent(c.request)...)
	}
	if !c.off {
		c.ctx = context.WithValue(c.ctx, callKey{}, c)
	}
}

// received makes the span of a response that somebody reads. It belongs to the trace
// of the call whatever its headers say.
func (c *call) received(r *asynccalls.Response) {
	c.responses.Add(1)
	if !c.span.IsRecording() {
		return
	}
	ctx := responses{}.Extract(c.ctx, carrier{&r.Header})
	if trace.SpanContextFromContext(ctx).TraceID() != c.span.SpanContext().TraceID() {
		ctx = c.ctx
	}
	_, span := c.begin(ctx, &c.receive, r.Service)
	if span.IsRecording() {
		span.SetAttributes(ofResponse(r)...)
	}
	span.End()
}

// end reports how the call ended, once.
func (c *call) end(err error) {
	c.once.Do(func() {
		failed := failure(err)
		c.called(c.ctx, c.request, time.Since(c.begun), failed)
		if c.span.IsRecording() {
			c.span.SetAttributes(responsesKey.Int64(c.responses.Load()))
			end(c.span, err, failed)
		}
	})
}

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
// context ends. It is the context in which the request is sent.
type call struct {
	context.Context //nolint:containedctx // it is one
	*instrument

	request   *asynccalls.Request
	span      trace.Span
	begun     time.Time
	received  atomic.Int64
	once      sync.Once // reports the end
	responses iter.Seq2[*asynccalls.Response, error]
	unread    func() bool // says that the responses are read
	yield     func(*asynccalls.Response, error) bool
	failed    error // what was read last
}

type callKey struct{}

// Value knows the call.
func (c *call) Value(key any) any {
	if _, ok := key.(callKey); ok {
		return c
	}
	return c.Context.Value(key)
}

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
		c.responses = next(c, r) //nolint:contextcheck // it is made of ctx
		if ctx.Done() != nil {
			c.unread = context.AfterFunc(ctx, c.expire)
		}
		return c.read
	}
}

// start begins the span of the call.
func (c *call) start(ctx context.Context) {
	c.Context, c.span = c.begin(ctx, &c.tracer.call, c.request.Service)
	if c.span.IsRecording() {
		c.span.SetAttributes(ofSent(c.request)...)
	}
}

// expire ends a call that nobody has read when its context ended.
func (c *call) expire() { c.end(context.Cause(c.Context)) }

// read passes the responses on. From now on the reader says how the call ends.
func (c *call) read(yield func(*asynccalls.Response, error) bool) {
	if c.unread != nil {
		c.unread()
	}
	defer func() { c.end(c.failed) }()
	c.yield = yield
	c.responses(c.pass)
}

func (c *call) pass(resp *asynccalls.Response, err error) bool {
	if c.failed = err; err == nil {
		c.receive(resp)
	}
	return c.yield(resp, err)
}

// receive makes the span of a response that somebody reads. It belongs to the trace
// of the call whatever its headers say.
func (c *call) receive(r *asynccalls.Response) {
	c.received.Add(1)
	if !c.span.IsRecording() {
		return
	}
	ctx := responses{}.Extract(c.Context, carrier{&r.Header})
	if trace.SpanContextFromContext(ctx).TraceID() != c.span.SpanContext().TraceID() {
		ctx = c.Context
	}
	_, span := c.begin(ctx, &c.tracer.receive, r.Service)
	if span.IsRecording() {
		span.SetAttributes(ofResponse(r)...)
	}
	span.End()
}

// end reports how the call ended, once.
func (c *call) end(err error) {
	c.once.Do(func() {
		failed := failure(err)
		c.called(c.Context, c.request, time.Since(c.begun), failed)
		if c.span.IsRecording() {
			c.span.SetAttributes(responsesKey.Int64(c.received.Load()))
			end(c.span, err, failed)
		}
	})
}

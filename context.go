package asynccalls

import (
	"context"
	"sync"
	"time"

	"github.com/asynccalls/asynccalls/internal/stage"
)

// runContext is the context of a handler. It costs no timer and no channel
// unless the handler asks for one: only then it makes a context of the standard
// library and from then on passes everything to that.
type runContext struct {
	base     context.Context //nolint:containedctx // it is what this context wraps
	run      *run            // of the handler
	request  *Request        // nil for a handler of responses
	deadline time.Time

	mu    sync.Mutex    // guards what follows
	inner *innerContext // made when it is first needed
	cause error         // why it ended before there was an inner context
}

// innerContext is a context of the standard library and what ends it.
type innerContext struct {
	context.Context //nolint:containedctx // it is one

	cancel context.CancelCauseFunc
	stop   context.CancelFunc
}

var _ context.Context = (*runContext)(nil)

// Deadline returns when the handler's time is over.
func (c *runContext) Deadline() (time.Time, bool) { return c.deadline, true }

// Done returns the channel of the inner context.
func (c *runContext) Done() <-chan struct{} { return c.materialize().Done() }

// Err does not need the inner context to tell that nothing has ended.
func (c *runContext) Err() error {
	c.mu.Lock()
	inner, cause := c.inner, c.cause
	c.mu.Unlock()
	if inner == nil && cause == nil && time.Now().Before(c.deadline) {
		return nil
	}
	return c.materialize().Err()
}

// Value knows the request and the run. A pointer to an int may be the key by which the
// standard library looks for a context that it can cancel: that is the inner one.
// Were it another, the standard library would start a goroutine instead, or so.
func (c *runContext) Value(key any) any {
	switch key.(type) {
	case requestKey:
		return c.request
	case stage.Key:
		return c.run
	case *int:
		return c.materialize().Value(key)
	default:
		return c.base.Value(key)
	}
}

// end ends the context; only the first cause counts.
func (c *runContext) end(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause == nil {
		c.cause = cause
	}
	if c.inner != nil {
		c.inner.cancel(cause)
		c.inner.stop()
	}
}

func (c *runContext) materialize() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inner == nil {
		ctx, cancel := context.WithCancelCause(c.base)
		ctx, stop := context.WithDeadline(ctx, c.deadline)
		c.inner = &innerContext{ctx, cancel, stop}
		if c.cause != nil {
			cancel(c.cause)
			stop()
		}
	}
	return c.inner.Context
}

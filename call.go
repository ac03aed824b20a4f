package asynccalls

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/replies"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// Call is a request whose responses are awaited. It ends exactly once: with the
// last response, with an error, at its deadline, when its context ends, or when
// the service does.
type Call struct {
	s        *Service
	ctx      context.Context //nolint:containedctx // a call is what its context is about
	request  *Request
	deadline time.Time

	place, generation uint32         // in the lane
	stream            replies.Stream // used by the lane's receive loop only

	over <-chan struct{} // closed when ctx ends; nil if it cannot
	wake chan struct{}   // gets an element when there may be something to take

	// users counts who may still use a call that is used again after the last of them:
	// CallOne, and the lane as long as it has its place. One that does not end with its
	// last response in the lane is left to the collector.
	users atomic.Int32
	again bool // it is one of CallOne, which nobody else can hold

	ended, ranged bool // with the two above in one word; mu guards them, too

	mu      sync.Mutex // guards what follows
	waiting []*Response
	first   [1]*Response // room for the usual number of responses
	bytes   int          // of waiting, as long as the call is pending
	err     error        // why it ended, nil if well
	stop    func() bool  // ends the watch over ctx

	seq iter.Seq2[*Response, error] // of middleware, in place of all that was before
}

// Call sends a request and returns at once: it waits neither for the broker nor
// for a response, only for space in the buffer of the driver, and not longer
// than ctx. Whatever goes wrong, [Call.Responses] tells.
//
// The call ends at the deadline of ctx, or without one after Limits.Call. A
// handler that makes a call passes its own ctx, so that the call ends with the
// request it serves. A call that nobody reads keeps its place until it ends.
func (s *Service) Call(ctx context.Context, r *Request) *Call {
	if caller := s.caller.Load(); caller != nil {
		return s.wrapped(ctx, r, *caller)
	}
	return s.startWatched(ctx, r)
}

// startWatched starts a call that ends with ctx.
func (s *Service) startWatched(ctx context.Context, r *Request) *Call {
	c := newCall()
	s.startCall(ctx, r, c)
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, c.cancel)
		c.mu.Lock()
		c.stop = stop
		if c.ended {
			stop()
		}
		c.mu.Unlock()
	}
	return c
}

// Responses returns the responses as they arrive. If the call fails, the last
// pair is (nil, err): an [*Error] with the status that the handler returned,
// [context.DeadlineExceeded], [context.Canceled], or one of the errors of this
// package. The end of ctx, and leaving the loop, cancel the call: what arrives
// later is dropped. The request itself is not taken back. Responses can be
// ranged over once.
func (c *Call) Responses() iter.Seq2[*Response, error] {
	return func(yield func(*Response, error) bool) {
		if !c.begin() {
			yield(nil, c.describe(errors.New("the responses were read before")))
			return
		}
		if c.seq != nil {
			c.seq(yield)
			return
		}
		defer c.finish(context.Canceled)
		var responses []*Response
		for {
			var over bool
			var err error
			responses, over, err = c.take(responses)
			for _, r := range responses {
				if c.ctx.Err() != nil {
					yield(nil, c.describe(contextError(c.ctx)))
					return
				}
				if !yield(r, nil) {
					return
				}
			}
			switch {
			case !over:
				c.await()
			case err != nil:
				yield(nil, c.describe(err))
				return
			default:
				return
			}
		}
	}
}

func newCall() *Call { return &Call{wake: make(chan struct{}, 1)} }

// startCall registers and sends a request. c is zero but for what outlives a call.
func (s *Service) startCall(ctx context.Context, r *Request, c *Call) {
	c.s, c.ctx, c.request, c.over = s, ctx, r, ctx.Done()
	c.waiting = c.first[:0]
	s.step(ctx, "sends", r)
	if err := c.start(); err != nil {
		c.finish(err)
	}
	s.step(ctx, "has sent", r)
}

func (c *Call) start() error {
	if c.request == nil {
		return errors.New("the request is nil")
	}
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	now := time.Now()
	limits := &c.s.config.limits
	c.deadline = now.Add(limits.Call)
	if d, ok := c.ctx.Deadline(); ok {
		c.deadline = d
		if left := d.Sub(now); left > limits.MaxCall {
			return fmt.Errorf("the deadline is in %v, more than Limits.MaxCall, which is %v",
				left.Round(time.Second), limits.MaxCall)
		}
	}
	if err := c.s.beforeSend(c.ctx, c.request); err != nil {
		return err
	}
	partition, err := c.s.lane.add(c)
	if err != nil || partition == nowhere {
		return err
	}
	return c.publish(partition, now)
}

// resume sends the request when the lane has its position.
func (c *Call) resume(partition int32) {
	c.mu.Lock()
	over := c.ended
	c.mu.Unlock()
	if over {
		return
	}
	if err := c.publish(partition, time.Now()); err != nil {
		c.finish(err)
	}
}

// publish sends the request of a call that has its place in the lane, which gets
// responses in that partition.
func (c *Call) publish(partition int32, now time.Time) error {
	c.request.TTL = max(c.deadline.Sub(now), time.Millisecond)
	w := wire.Request{
		Kind:     wire.KindCall,
		ID:       c.request.ID,
		Endpoint: c.request.Endpoint,
		From:     c.s.id,
		TTL:      c.request.TTL,
		Caller: wire.Token{
			Partition: partition, Instance: c.s.lane.instance, Slot: c.place, Generation: c.generation,
		},
	}
	o, err := c.s.encode(c.request, &w, c.s.lane)
	if err != nil {
		c.s.afterSend(c.ctx, c.request, Source{}, err)
		return err
	}
	o.call = calling{c.ctx, c.request, c.place, c.generation}
	o.record.Time = now
	c.s.driver.Publish(c.ctx, &o.record, called)
	return nil
}

// calling is what is remembered of a call until the broker has its request. The call
// itself may have ended by then, and its memory be used by another.
type calling struct {
	ctx     context.Context //nolint:containedctx // of the call
	request *Request

	place, generation uint32 // in the lane
}

// called is called by the driver with the outcome of the request of a call.
func called(r *driver.Record, err error) {
	o, _ := r.Tag.(*outgoing)
	l, _ := o.owner.(*lane)
	c := o.call
	at := sourceOf(r)
	o.free()
	if err != nil {
		c.request.unsent(err)
		at, err = Source{}, sendFailure(c.request.Service, err)
		defer l.finish(c.place, c.generation, err)
	}
	l.s.afterSend(c.ctx, c.request, at, err)
}

// receive takes a response in, and reports whether it ended the call. It is
// called by the lane's receive loop only.
func (c *Call) receive(r *Response, sum uint64) bool {
	kind := replies.More
	switch {
	case r.Status >= statusFailed:
		kind = replies.Failed
	case r.bare:
		kind = replies.Bare
	case r.End:
		kind = replies.Last
	}
	switch c.stream.Accept(r.Run, int32(r.Seq), kind, sum) { //nolint:gosec // Seq was decoded from 31 bits
	case replies.Deliver:
		return !c.deliver(r, false)
	case replies.Complete:
		c.deliver(r, true)
		return true
	case replies.Finish:
		c.end(r.Err())
		return true
	case replies.Diverge:
		c.end(ErrRestarted)
		return true
	case replies.Skip:
		c.s.tellDuplicate(r)
	}
	return false
}

// deliver hands a response to whoever reads, and reports whether the call goes
// on.
func (c *Call) deliver(r *Response, last bool) bool {
	defer c.signal() // after the lock is free: who wakes up needs it
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		c.s.tellLate(r)
		return false
	}
	defer c.mu.Unlock()
	size := len(r.Body) + responseSize
	if c.bytes+size > c.s.config.limits.CallBytes || !c.s.lane.reserve(size) {
		c.endLocked(ErrSlowReader)
		return false
	}
	c.bytes += size
	c.waiting = append(c.waiting, r)
	if last {
		c.endLocked(nil)
	}
	return true
}

// finish ends the call from outside of the receive loop.
func (c *Call) finish(err error) {
	if c.end(err) {
		c.s.lane.remove(c)
	}
}

// cancel ends the call as its context has ended.
func (c *Call) cancel() { c.finish(c.s.lane.explain(contextError(c.ctx))) }

// end ends the call, and reports whether it had not ended before.
func (c *Call) end(err error) bool {
	defer c.signal()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.endLocked(err)
}

func (c *Call) endLocked(err error) bool {
	if c.ended {
		return false
	}
	c.ended, c.err = true, err
	c.unreserve()
	if c.stop != nil {
		c.stop()
	}
	return true
}

// unreserve gives back what waits to be read. The lock is held.
func (c *Call) unreserve() {
	if c.bytes > 0 {
		c.s.lane.unreserve(c.bytes)
		c.bytes = 0
	}
}

func (c *Call) signal() {
	select {
	case c.wake <- struct{}{}:
	default: // it is awake already
	}
}

func (c *Call) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	first := !c.ranged
	c.ranged = true
	return first
}

// take returns what waits to be read, and whether anything can follow. What it
// returned before is used again.
func (c *Call) take(read []*Response) (responses []*Response, over bool, err error) {
	responses, over, err = c.takeAll(read)
	if len(responses) > 0 || over {
		c.s.step(c.ctx, "goes on with", c.request)
	}
	return responses, over, err
}

func (c *Call) takeAll(read []*Response) (responses []*Response, over bool, err error) {
	clear(read)
	c.mu.Lock()
	defer c.mu.Unlock()
	if responses = read[:0]; len(c.waiting) > 0 { // else the room in c is still to be used
		responses, c.waiting = c.waiting, responses
	}
	c.unreserve()
	return responses, c.ended, c.err
}

// await waits until there is something to take. A handler that waits gives its
// slot away meanwhile (semantics 2.4).
func (c *Call) await() {
	if r := runOf(c.ctx); r != nil {
		r.lend()
		defer r.regain()
	}
	if c.over == nil {
		<-c.wake
		return
	}
	select {
	case <-c.wake:
	case <-c.over:
		c.cancel()
	}
}

func (c *Call) describe(err error) error { return describe(c.request, err) }

// describe says which call an error is about.
func describe(r *Request, err error) error {
	if r == nil {
		return fmt.Errorf("call: %w", err)
	}
	return fmt.Errorf("call %s%s: %w", r.Service, r.Endpoint, err)
}

// contextError returns why a context ended: the two standard reasons as they
// are, a cause in addition.
func contextError(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}

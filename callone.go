package asynccalls

import (
	"context"
	"fmt"
	"sync/atomic"
)

// CallOne sends a request and waits for its response. The error is
// [ErrResponseCount] if there is none, or more than one.
func (s *Service) CallOne(ctx context.Context, r *Request) (*Response, error) {
	if caller := s.caller.Load(); caller != nil {
		return callOnly(ctx, r, *caller)
	}
	c, _ := s.calls.Get().(*Call)
	c.again = true
	c.users.Store(2)
	defer c.leave()
	s.startCall(ctx, r, c)
	var only *Response
	var responses []*Response
	for {
		var over bool
		var err error
		responses, over, err = c.take(responses)
		for _, resp := range responses {
			if only != nil {
				c.finish(context.Canceled)
				return nil, another(r, only)
			}
			only = resp
		}
		switch {
		case !over:
			c.await() //nolint:contextcheck // it may start a worker, whose handlers have contexts of their own
		case err != nil:
			return nil, describe(r, err)
		case only == nil:
			return nil, none(r)
		default:
			return only, nil
		}
	}
}

// another says that there was a response after the only one, and none that there
// was not even that.
func another(r *Request, only *Response) error {
	return describe(r, fmt.Errorf("%w: got another after %s", ErrResponseCount, only.ID))
}

func none(r *Request) error { return describe(r, fmt.Errorf("%w: got none", ErrResponseCount)) }

// leave is called by each user of a call that is used again. The channel stays with it:
// an element that is left in there wakes the next call, which finds nothing and waits
// again.
func (c *Call) leave() {
	if c.users.Add(-1) == 0 && c.again {
		calls := &c.s.calls
		*c = Call{wake: c.wake}
		calls.Put(c)
	}
}

// onlyCall is CallOne through middleware: it reads the responses, and is the context of
// the call. As it reads them at once, nobody need watch over that context for the call.
type onlyCall struct {
	context.Context //nolint:containedctx // it is one

	request *Request
	call    atomic.Pointer[Call] // once middleware has let the request pass
	only    *Response
	err     error
}

type onlyKey struct{}

// Value knows the call.
func (o *onlyCall) Value(key any) any {
	if _, ok := key.(onlyKey); ok {
		return o
	}
	return o.Context.Value(key)
}

// onlyOf returns the call of which this is the request and ctx the context; nil if that
// is none of CallOne.
func onlyOf(ctx context.Context, r *Request) *onlyCall {
	if o, _ := ctx.Value(onlyKey{}).(*onlyCall); o != nil && o.request == r {
		return o
	}
	return nil
}

func callOnly(ctx context.Context, r *Request, caller Caller) (*Response, error) {
	o := &onlyCall{Context: ctx, request: r}
	defer o.leave()
	caller(o, r)(o.take) //nolint:contextcheck // it is ctx
	switch {
	case o.err != nil:
		return nil, o.err
	case o.only == nil:
		return nil, none(r)
	default:
		return o.only, nil
	}
}

func (o *onlyCall) take(r *Response, err error) bool {
	switch {
	case o.err != nil: // the sequence does not end when it is told to
	case err != nil:
		o.err = err
	case o.only != nil:
		o.err = another(o.request, o.only)
	default:
		o.only = r
	}
	return o.err == nil
}

// leave ends a call whose responses middleware has not read.
func (o *onlyCall) leave() {
	if c := o.call.Load(); c != nil && c.begin() {
		c.finish(context.Canceled)
	}
}

package asynccalls

import (
	"context"
	"fmt"
)

// CallOne sends a request and waits for its response. The error is
// [ErrResponseCount] if there is none, or more than one.
func (s *Service) CallOne(ctx context.Context, r *Request) (*Response, error) {
	if caller := s.caller.Load(); caller != nil {
		return s.wrapped(ctx, r, *caller).only() //nolint:contextcheck // as below
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
				return nil, c.another(only)
			}
			only = resp
		}
		switch {
		case !over:
			c.await() //nolint:contextcheck // it may start a worker, whose handlers have contexts of their own
		case err != nil:
			return nil, c.describe(err)
		case only == nil:
			return nil, c.none()
		default:
			return only, nil
		}
	}
}

// another says that there was a response after the only one, and none that there
// was not even that.
func (c *Call) another(only *Response) error {
	return c.describe(fmt.Errorf("%w: got another after %s", ErrResponseCount, only.ID))
}

func (c *Call) none() error { return c.describe(fmt.Errorf("%w: got none", ErrResponseCount)) }

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

package asynccalls

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

type testKey struct{}

func newRunContext(base context.Context, limit time.Duration) *runContext {
	return &runContext{base: base, request: &Request{ID: "r"}, deadline: time.Now().Add(limit)}
}

// TestRunContext compares the handler's context with one of the standard library
// in each way in which it can end, before and after something was asked of it.
func TestRunContext(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	tests := map[string]struct {
		end   func(c *runContext)
		err   error
		cause error
	}{
		"deadline": {func(*runContext) { <-time.After(2 * time.Minute) }, context.DeadlineExceeded, context.DeadlineExceeded},
		"canceled": {func(c *runContext) { c.end(context.Canceled) }, context.Canceled, context.Canceled},
		"revoked":  {func(c *runContext) { c.end(cause) }, context.Canceled, cause},
		"twice": {func(c *runContext) {
			c.end(cause)
			c.end(context.Canceled)
		}, context.Canceled, cause},
	}
	for name, tt := range tests {
		for when, look := range map[string]func(c *runContext){
			"before": func(c *runContext) { c.Done() },
			"after":  func(*runContext) {},
		} {
			t.Run(name+", asked "+when, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					c := newRunContext(context.WithValue(t.Context(), testKey{}, 1), time.Minute)
					look(c)
					if c.Err() != nil {
						t.Errorf("ended with %v at the start", c.Err())
					}
					tt.end(c)
					if c.Err() == nil || !errors.Is(c.Err(), tt.err) || !errors.Is(context.Cause(c), tt.cause) {
						t.Errorf("ended with %v because of %v, want %v because of %v", c.Err(), context.Cause(c), tt.err, tt.cause)
					}
					<-c.Done()
					if c.Value(testKey{}) != 1 || c.Value(requestKey{}) != c.request {
						t.Error("values are lost")
					}
				})
			})
		}
	}
}

// TestRunContextIsCheap shows what a handler that does not wait for its context
// pays for it.
func TestRunContextIsCheap(t *testing.T) {
	t.Parallel()
	c := newRunContext(t.Context(), time.Minute)
	if c.Err() != nil || c.Value(requestKey{}) == nil {
		t.Error("context has ended, or has no request")
	}
	if _, ok := c.Deadline(); !ok || c.inner != nil {
		t.Errorf("context has a deadline: %t, and an inner context: %t", ok, c.inner != nil)
	}
}

// TestRunContextHasChildren derives contexts: they end with it, without a
// goroutine each.
func TestRunContextHasChildren(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newRunContext(t.Context(), time.Minute)
		child, cancel := context.WithTimeout(c, time.Hour)
		defer cancel()
		c.end(ErrRevoked)
		if child.Err() == nil || !errors.Is(context.Cause(child), ErrRevoked) { // at once: no goroutine in between
			t.Errorf("child ended with %v because of %v", child.Err(), context.Cause(child))
		}
	})
}

// TestRunContextValue looks values up, which needs no context of the standard library,
// and derives a context that it can cancel, which does.
func TestRunContextValue(t *testing.T) {
	t.Parallel()
	mine := new(int)
	base := context.WithValue(context.WithValue(t.Context(), testKey{}, 1), mine, 2)
	c := newRunContext(base, time.Minute)
	if c.Value(testKey{}) != 1 || c.Value(requestKey{}) != c.request || c.inner != nil {
		t.Errorf("values are %v and %v, and there is an inner context: %t",
			c.Value(testKey{}), c.Value(requestKey{}), c.inner != nil)
	}
	if c.Value(mine) != 2 {
		t.Errorf("value is %v, want 2", c.Value(mine))
	}
	derived, cancel := context.WithCancel(c)
	defer cancel()
	cause := errors.New("cause")
	c.end(cause)
	if derived.Err() == nil || !errors.Is(context.Cause(derived), cause) { // at once: no goroutine is between them
		t.Errorf("the derived context ended with %v because of %v", derived.Err(), context.Cause(derived))
	}
}

package orders_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
)

// buy places an order as a customer does, who waits for some time at most, and returns the
// number of responses and how the call ended.
func (s *fixture) buy(t testing.TB, id string, within time.Duration) (n int, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	for _, err := range s.b.Client().Call(ctx, place(id)).Responses() {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// firstly returns a handler that is another one the first time.
func firstly(first, then asynccalls.Handler) asynccalls.Handler {
	var n atomic.Int64
	return func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
		if n.Add(1) == 1 {
			return first(ctx, w, r)
		}
		return then(ctx, w, r)
	}
}

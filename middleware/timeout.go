package middleware

import (
	"context"
	"iter"
	"time"

	"github.com/asynccalls/asynccalls"
)

// Timeout ends each call after d at the latest, with [context.DeadlineExceeded]. A
// context with an earlier deadline ends it earlier. Without it a call whose context
// has no deadline ends after Limits.Call. The time counts from when the call was made.
func Timeout(d time.Duration) asynccalls.CallMiddleware {
	return func(next asynccalls.Caller) asynccalls.Caller {
		return func(ctx context.Context, r *asynccalls.Request) iter.Seq2[*asynccalls.Response, error] {
			ctx, cancel := context.WithTimeout(ctx, d)
			responses := next(ctx, r)
			return func(yield func(*asynccalls.Response, error) bool) {
				defer cancel() // what nobody reads has the timeout
				responses(yield)
			}
		}
	}
}

package middleware

import (
	"context"
	"runtime/debug"

	"github.com/asynccalls/asynccalls"
)

// Recover has panicked called when a handler panics, with the value of the panic and
// the stack, and has the handler fail with the error that it returns; with nil the
// panic goes on. Without Recover the library logs a panic and takes it for an error
// with status 500. So this is for reporting panics elsewhere, and for those that
// another attempt cannot help: see [asynccalls.Permanent].
func Recover(
	panicked func(ctx context.Context, r *asynccalls.Request, value any, stack []byte) error,
) asynccalls.Middleware {
	return func(next asynccalls.Handler) asynccalls.Handler {
		return func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) (err error) {
			defer func() {
				p := recover()
				if p == nil {
					return
				}
				if err = panicked(ctx, r, p, debug.Stack()); err == nil {
					panic(p) //nolint:forbidigo // it goes on
				}
			}()
			return next(ctx, w, r)
		}
	}
}

package middleware

import (
	"context"
	"iter"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/asynccalls/asynccalls"
)

// Log writes a line for each run of a handler when it has ended: which request it
// was, who sent it, the attempt, how long it took, how many responses it sent, and the
// error if it failed. What went well has level Info, what failed Warn. Bodies and
// header values are not logged, but the text of an error may hold what the handler
// puts into it.
func Log(l *slog.Logger) asynccalls.Middleware {
	return func(next asynccalls.Handler) asynccalls.Handler {
		return func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
			begun := time.Now()
			counted := &countingWriter{ResponseWriter: w}
			err := next(ctx, counted, r)
			write(ctx, l, "request handled", err, slog.String("endpoint", r.Endpoint), slog.String("request", r.ID),
				slog.String("from", r.From), slog.Int("attempt", r.Attempt), slog.Duration("took", time.Since(begun)),
				slog.Int64("responses", counted.sent.Load()))
			return err
		}
	}
}

// LogResponses does for handlers of responses what [Log] does for those of requests.
func LogResponses(l *slog.Logger) asynccalls.ResponseMiddleware {
	return func(next asynccalls.ResponseHandler) asynccalls.ResponseHandler {
		return func(ctx context.Context, r *asynccalls.Response) error {
			begun := time.Now()
			err := next(ctx, r)
			write(ctx, l, "response handled", err,
				slog.String("service", r.Service), slog.String("endpoint", r.Endpoint),
				slog.String("request", r.RequestID), slog.String("response", r.ID), slog.Int("status", r.Status),
				slog.Duration("took", time.Since(begun)))
			return err
		}
	}
}

// LogCalls writes a line for each call that was read to its end, or left: where it
// went, how long it took to the first response and in all, how many responses there
// were, and how it ended if not well. Levels and what is not logged are as with
// [Log].
func LogCalls(l *slog.Logger) asynccalls.CallMiddleware {
	return func(next asynccalls.Caller) asynccalls.Caller {
		return func(ctx context.Context, r *asynccalls.Request) iter.Seq2[*asynccalls.Response, error] {
			c := &loggedCall{request: r, begun: time.Now()}
			responses := next(ctx, r)
			return func(yield func(*asynccalls.Response, error) bool) {
				defer c.write(ctx, l)
				for resp, err := range responses {
					c.take(err)
					if !yield(resp, err) {
						return
					}
				}
			}
		}
	}
}

// loggedCall is what is known of a call.
type loggedCall struct {
	request   *asynccalls.Request
	begun     time.Time
	first     time.Duration
	responses int
	err       error
}

// take takes in a response, or how the call has failed.
func (c *loggedCall) take(err error) {
	if err != nil {
		c.err = err
		return
	}
	if c.responses++; c.responses == 1 {
		c.first = time.Since(c.begun)
	}
}

func (c *loggedCall) write(ctx context.Context, l *slog.Logger) {
	write(ctx, l, "call ended", c.err,
		slog.String("service", c.request.Service), slog.String("endpoint", c.request.Endpoint),
		slog.String("request", c.request.ID), slog.Duration("first", c.first),
		slog.Duration("took", time.Since(c.begun)), slog.Int("responses", c.responses))
}

func write(ctx context.Context, l *slog.Logger, message string, err error, attributes ...slog.Attr) {
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelWarn
		attributes = append(attributes, slog.Any("error", err))
	}
	l.LogAttrs(ctx, level, message, attributes...)
}

// countingWriter counts the responses that were sent.
type countingWriter struct {
	asynccalls.ResponseWriter

	sent atomic.Int64
}

func (w *countingWriter) Send(ctx context.Context, r *asynccalls.Response) error {
	err := w.ResponseWriter.Send(ctx, r)
	if err == nil {
		w.sent.Add(1)
	}
	return err
}

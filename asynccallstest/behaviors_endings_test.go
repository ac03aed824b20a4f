package asynccallstest_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
)

// inAllWays hands a request to a handler as a call, durably and one-way.
func inAllWays(h asynccalls.Handler, o ...asynccalls.EndpointOption) func(testing.TB, *asynccallstest.Broker, *log) {
	return func(_ testing.TB, b *asynccallstest.Broker, l *log) {
		s := serving(b, "server", func(s *asynccalls.Service) { s.Handle("/e", h, o...) })
		l.add("call %s", outcome(s.Call(request("server", "/e", "", "x"))))
		l.add("send %s", outcome(s.Send(request("server", "/e", "", "x"))))
		l.add("notify %s", outcome(s.Notify(request("server", "/e", "", "x"))))
		l.add("dead letters %d", len(s.DeadLetters()))
	}
}

// ends returns a handler that responds once and ends with an error.
func ends(err error) asynccalls.Handler { return asynccallstest.Script("one", err) }

// failing returns a handler that fails so often before it responds, for each request.
func failing(times int, err error) asynccalls.Handler {
	return func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
		if r.Attempt <= times {
			return err
		}
		return asynccallstest.Script(fmt.Sprint("attempt ", r.Attempt))(ctx, w, r)
	}
}

var errBroken = errors.New("broken")

// endings are the ways in which a handler ends.
var endings = map[string]behavior{
	"no response": {inAllWays(asynccallstest.Script()), `
call [], ok, Done after 1
send [], ok, Done after 1
notify [], ok, Done after 1
dead letters 0`},
	"one response": {inAllWays(asynccallstest.Script("one")), `
call [0:one], ok, Done after 1
send [0:one], ok, Done after 1
notify [], ok, Done after 1
dead letters 0`},
	"many responses": {inAllWays(asynccallstest.Script("one", "two", "three")), `
call [0:one 1:two 2:three], ok, Done after 1
send [0:one 1:two 2:three], ok, Done after 1
notify [], ok, Done after 1
dead letters 0`},
	"last response": {inAllWays(asynccallstest.Script("one", &asynccalls.Response{End: true, Body: []byte("last")})), `
call [0:one 1:last], ok, Done after 1
send [0:one 1:last], ok, Done after 1
notify [], ok, Done after 1
dead letters 0`},
	"status 404": {inAllWays(ends(&asynccalls.Error{Status: 404, Message: "gone"})), `
call [0:one], status 404: gone, Failed after 1
send [0:one], status 404: gone, Failed after 1
notify [], ok, DeadLettered after 1
dead letters 1`},
	"status 503": {inAllWays(failing(9, &asynccalls.Error{Status: 503, Message: "later"})), `
call [], status 503: later, Failed after 1
send [], status 503: later, DeadLettered after 3
notify [], ok, DeadLettered after 3
dead letters 2`},
	"plain error": {inAllWays(failing(9, errBroken)), `
call [], status 500: internal error, Failed after 1
send [], status 500: internal error, DeadLettered after 3
notify [], ok, DeadLettered after 3
dead letters 2`},
	"error that passes": {inAllWays(failing(2, errBroken)), `
call [], status 500: internal error, Failed after 1
send [0:attempt 3], ok, Done after 3
notify [], ok, Done after 3
dead letters 0`},
	"error that passes, awaited calls too": {inAllWays(failing(2, errBroken), asynccalls.Retry{Awaited: true}), `
call [0:attempt 3], ok, Done after 3
send [0:attempt 3], ok, Done after 3
notify [], ok, Done after 3
dead letters 0`},
	"error for good, awaited calls too": {inAllWays(failing(9, errBroken), asynccalls.Retry{Awaited: true, Attempts: 2}), `
call [], status 500: internal error, DeadLettered after 2
send [], status 500: internal error, DeadLettered after 2
notify [], ok, DeadLettered after 2
dead letters 3`},
	"Permanent": {inAllWays(ends(asynccalls.Permanent(errBroken))), `
call [0:one], status 500: internal error, Failed after 1
send [0:one], status 500: internal error, Failed after 1
notify [], ok, DeadLettered after 1
dead letters 1`},
	"Drop": {inAllWays(ends(asynccalls.Drop(errBroken))), `
call [0:one], ok, Dropped after 1
send [0:one], ok, Dropped after 1
notify [], ok, Dropped after 1
dead letters 0`},
	"RetryAfter": {inAllWays(failing(1, asynccalls.RetryAfter(50*time.Millisecond, errBroken))), `
call [], status 500: internal error, Failed after 1
send [0:attempt 2], ok, Done after 2
notify [], ok, Done after 2
dead letters 0`},
	"Unavailable": {func(_ testing.TB, b *asynccallstest.Broker, l *log) {
		var away atomic.Bool
		away.Store(true)
		var tries atomic.Int32
		s := serving(b, "server", func(s *asynccalls.Service) {
			s.Handle("/e", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
				if tries.Add(1) == 6 {
					away.Store(false)
				}
				if away.Load() {
					return asynccalls.Unavailable(errBroken)
				}
				return asynccallstest.Script(fmt.Sprint("attempt ", r.Attempt))(ctx, w, r)
			})
		})
		l.add("call %s", outcome(s.Call(request("server", "/e", "", ""))))
		r := s.Send(request("server", "/e", "", ""))
		l.add("send %d responses, %s, %v", len(r.Responses), brief(r.Err), r.Verdict)
	}, `
call [], status 503: unavailable, Failed after 1
send 1 responses, ok, Done`},
	"panic": {func(_ testing.TB, b *asynccallstest.Broker, l *log) {
		b.AllowPanics()
		s := serving(b, "server", func(s *asynccalls.Service) {
			var none map[string]int
			s.Handle("/e", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
				none["x"]++
				return nil
			})
		})
		l.add("call %s", outcome(s.Call(request("server", "/e", "", ""))))
		l.add("send %s", outcome(s.Send(request("server", "/e", "", ""))))
		l.add("notify %s", outcome(s.Notify(request("server", "/e", "", ""))))
	}, `
call [], status 500: internal error, Failed after 1
send [], status 500: internal error, DeadLettered after 3
notify [], ok, DeadLettered after 3`},
	"unknown endpoint": {func(_ testing.TB, b *asynccallstest.Broker, l *log) {
		s := serving(b, "server", func(s *asynccalls.Service) { s.Handle("/e", asynccallstest.Script()) })
		l.add("call %s", outcome(s.Call(request("server", "/f", "", ""))))
		l.add("send %s", outcome(s.Send(request("server", "/f", "", ""))))
		l.add("notify %s", outcome(s.Notify(request("server", "/f", "", ""))))
		l.add("dead letters %d", len(s.DeadLetters()))
	}, `
call [], status 404: unknown endpoint "/f", Failed after 1
send [], ok, DeadLettered after 1
notify [], ok, DeadLettered after 1
dead letters 2`},
	"sends after the end": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		var writer asynccalls.ResponseWriter
		s := serving(b, "server", func(s *asynccalls.Service) {
			s.Handle("/e", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
				writer = w
				last := &asynccalls.Response{End: true, Body: []byte("last")}
				l.add("the last one: %s", brief(w.Send(ctx, last)))
				l.add("the next: %s", brief(w.Send(ctx, asynccalls.NewResponse(nil))))
				return nil
			})
		})
		l.add("call %s", outcome(s.Call(request("server", "/e", "", ""))))
		l.add("afterwards: %s", brief(writer.Send(t.Context(), asynccalls.NewResponse(nil))))
	}, `
the last one: ok
the next: closed
call [0:last], ok, Done after 1
afterwards: closed`},
}

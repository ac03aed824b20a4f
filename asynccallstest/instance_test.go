package asynccallstest_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/driver"
)

// service returns what starts a service with these handlers.
func service(id string, handlers map[string]asynccalls.Handler) func(driver.Driver) (*asynccalls.Service, error) {
	return func(d driver.Driver) (*asynccalls.Service, error) {
		s, err := asynccalls.New(id, d)
		if err != nil {
			return nil, err
		}
		for pattern, h := range handlers {
			s.Handle(pattern, h)
		}
		return s, nil
	}
}

// stack returns the functions on the stack of the goroutine.
func stack() string {
	pcs := make([]uintptr, 100)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	var names []string
	for {
		f, more := frames.Next()
		names = append(names, f.Function)
		if !more {
			return strings.Join(names, "\n")
		}
	}
}

// TestCallsRunOnTheStack has a handler look at its stack, and finds the test there.
func TestCallsRunOnTheStack(t *testing.T) {
	t.Parallel()
	asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
		var seen string
		s := b.Start(service("server", map[string]asynccalls.Handler{
			"/look": func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
				seen = stack()
				return nil
			},
		}))
		for name, hand := range map[string]func(*asynccalls.Request) *asynccallstest.Result{
			"call": s.Call, "send": s.Send, "notify": s.Notify,
		} {
			seen = ""
			if got := hand(asynccalls.NewRequest("server", "/look", nil)); got.Verdict != asynccallstest.Done {
				t.Errorf("%s: verdict %v, want Done", name, got.Verdict)
			}
			if !strings.Contains(seen, "TestCallsRunOnTheStack") {
				t.Errorf("%s: the test is not on the stack of the handler:\n%s", name, seen)
			}
		}
	})
}

// TestVerdicts hands requests to handlers that end in all ways.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	type want struct {
		verdict  asynccallstest.Verdict
		attempts int
	}
	const (
		done, failed, dead = asynccallstest.Done, asynccallstest.Failed, asynccallstest.DeadLettered
		dropped            = asynccallstest.Dropped
	)
	broken := errors.New("broken")
	tests := map[string]struct {
		err                error
		call, send, notify want
	}{
		"well":      {nil, want{done, 1}, want{done, 1}, want{done, 1}},
		"fault":     {broken, want{failed, 1}, want{dead, 5}, want{dead, 5}},
		"permanent": {asynccalls.Permanent(broken), want{failed, 1}, want{failed, 1}, want{dead, 1}},
		"dropped":   {asynccalls.Drop(broken), want{dropped, 1}, want{dropped, 1}, want{dropped, 1}},
		"status 404": {
			&asynccalls.Error{Status: 404, Message: "no"},
			want{failed, 1},
			want{failed, 1},
			want{dead, 1},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
				s := b.Start(service("server", map[string]asynccalls.Handler{"/e": asynccallstest.Script("r", tt.err)}))
				for how, hand := range map[string]struct {
					f    func(*asynccalls.Request) *asynccallstest.Result
					want want
				}{"call": {s.Call, tt.call}, "send": {s.Send, tt.send}, "notify": {s.Notify, tt.notify}} {
					got := hand.f(asynccalls.NewRequest("server", "/e", nil))
					if is := (want{got.Verdict, got.Attempts}); is != hand.want {
						t.Errorf("%s: %v, want %v", how, is, hand.want)
					}
					if !errors.Is(got.Cause, tt.err) {
						t.Errorf("%s: the cause is %v, want %v", how, got.Cause, tt.err)
					}
				}
			})
		})
	}
}

// TestTimeIsVirtual has a call end at a deadline that is far away.
func TestTimeIsVirtual(t *testing.T) {
	t.Parallel()
	asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
		b.Fake("server", func(s *asynccalls.Service) {
			s.Handle("/slow", asynccallstest.Script("first", time.Hour, "never"),
				asynccalls.Limits{Handler: 2 * time.Hour})
			s.Handle("/mute", asynccallstest.Script("first", asynccallstest.NoEnd))
		})
		for _, endpoint := range []string{"/slow", "/mute"} {
			ctx, cancel := context.WithTimeout(t.Context(), 9*time.Minute)
			defer cancel()
			begun, n := time.Now(), 0
			for resp, err := range b.Client().Call(ctx, asynccalls.NewRequest("server", endpoint, nil)).Responses() {
				switch {
				case err == nil && string(resp.Body) == "first" && time.Since(begun) < time.Microsecond:
					n++
				case !errors.Is(err, context.DeadlineExceeded) || time.Since(begun).Round(time.Second) != 9*time.Minute:
					t.Errorf("%s: %v, %v after %v", endpoint, resp, err, time.Since(begun))
				}
			}
			if n != 1 {
				t.Errorf("%s: %d responses, want 1", endpoint, n)
			}
		}
	})
}

// TestCallLearnsItsEnd has handlers use up the time of a call, or say nothing at all: the
// result says how the call has ended for the caller.
func TestCallLearnsItsEnd(t *testing.T) {
	t.Parallel()
	tests := map[string]asynccalls.Handler{
		"too late": asynccallstest.Script(time.Minute, "late"),
		"no end":   asynccallstest.Script("first", asynccallstest.NoEnd),
	}
	for name, h := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
				s := b.Start(service("server", map[string]asynccalls.Handler{"/e": h}))
				got := s.Call(asynccalls.NewRequest("server", "/e", nil))
				if !errors.Is(got.Err, context.DeadlineExceeded) || got.Verdict != asynccallstest.Dropped {
					t.Errorf("%v, %v; want Dropped and the deadline", got.Verdict, got.Err)
				}
			})
		})
	}
}

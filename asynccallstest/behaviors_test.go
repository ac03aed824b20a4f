package asynccallstest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/franz"
	"github.com/asynccalls/asynccalls/embedded"
)

// behavior is something that a test can observe, and what it has to observe on each
// broker.
type behavior struct {
	run  func(t testing.TB, b *asynccallstest.Broker, l *log)
	want string // a line for each thing that is observed
}

// log is what a test observes.
type log struct {
	mu    sync.Mutex // guards lines
	lines []string
}

func (l *log) add(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

// TestBehaviors is the proof that the testing mode does not lie: the same tests observe
// the same on the stack, on the embedded broker and on Apache Kafka.
func TestBehaviors(t *testing.T) {
	t.Parallel()
	all := make(map[string]behavior)
	for _, some := range []map[string]behavior{endings, waits, messages, orders, processes} {
		for name, b := range some {
			all[name] = b
		}
	}
	t.Logf("%d behaviors", len(all))
	tiers := map[string]func(*testing.T) []asynccallstest.Option{
		"stack": func(*testing.T) []asynccallstest.Option { return nil },
		"embedded": func(t *testing.T) []asynccallstest.Option {
			broker, err := embedded.Start(embedded.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { broker.Close() })
			return on(broker.Addr())
		},
		"kafka": func(t *testing.T) []asynccallstest.Option {
			addr := os.Getenv("ASYNCCALLS_KAFKA")
			if addr == "" {
				t.Skip("ASYNCCALLS_KAFKA names no broker")
			}
			return on(addr)
		},
	}
	for tier, open := range tiers {
		t.Run(tier, func(t *testing.T) {
			t.Parallel()
			options := open(t)
			for name, behavior := range all {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					l := &log{}
					asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) { behavior.run(t, b, l) }, options...)
					if got, want := l.String(), strings.TrimSpace(behavior.want); got != want {
						t.Errorf("observed\n%s\nwant\n%s", got, want)
					}
				})
			}
		})
	}
}

func on(addr string) []asynccallstest.Option {
	return []asynccallstest.Option{asynccallstest.On(func(t testing.TB) driver.Driver {
		d, err := franz.Open(addr)
		if err != nil {
			t.Fatal(err)
		}
		return d
	})}
}

// quick has failed messages tried again soon.
var quick = asynccalls.Retry{Attempts: 3, Backoff: 20 * time.Millisecond}

// serving starts a service that setup registers handlers with.
func serving(b *asynccallstest.Broker, id string, setup func(*asynccalls.Service)) *asynccallstest.Instance {
	return b.Start(func(d driver.Driver) (*asynccalls.Service, error) {
		s, err := asynccalls.New(id, d, quick)
		if err == nil {
			setup(s)
		}
		return s, err
	})
}

func request(service, endpoint, key string, body string) *asynccalls.Request {
	r := asynccalls.NewRequest(service, endpoint, []byte(body))
	r.Key = key
	return r
}

// outcome writes what came of a request.
func outcome(r *asynccallstest.Result) string {
	bodies := make([]string, len(r.Responses))
	for i, resp := range r.Responses {
		bodies[i] = fmt.Sprintf("%d:%s", resp.Seq, resp.Body)
	}
	return fmt.Sprintf("%v, %s, %v after %d", bodies, brief(r.Err), r.Verdict, r.Attempts)
}

// brief writes an error as far as it is the same everywhere.
func brief(err error) string {
	var status *asynccalls.Error
	var large *asynccalls.TooLargeError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &status):
		return status.Error()
	case errors.As(err, &large):
		return fmt.Sprint("more than ", large.Limit, " bytes")
	}
	for _, known := range []error{
		context.DeadlineExceeded, context.Canceled, asynccalls.ErrClosed, asynccalls.ErrNoService,
		asynccalls.ErrResponseCount, asynccalls.ErrRestarted, asynccalls.ErrSlowReader,
	} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return "another error: " + err.Error()
}

// read writes all that a call brings.
func read(c *asynccalls.Call) string {
	var parts []string
	for resp, err := range c.Responses() {
		if err != nil {
			parts = append(parts, brief(err))
			break
		}
		parts = append(parts, fmt.Sprintf("%d:%s", resp.Seq, resp.Body))
	}
	return strings.Join(append(parts, "."), " ")
}

// ask calls with a deadline.
func ask(t testing.TB, b *asynccallstest.Broker, deadline time.Duration, r *asynccalls.Request) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	return read(b.Client().Call(ctx, r))
}

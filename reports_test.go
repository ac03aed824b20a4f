package asynccalls_test

import (
	"bytes"
	"context"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
)

// journal is what a service logs.
type journal struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

// count returns how many lines hold all the words.
func (j *journal) count(words ...string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for line := range strings.Lines(j.buf.String()) {
		all := true
		for _, w := range words {
			all = all && strings.Contains(line, w)
		}
		if all {
			n++
		}
	}
	return n
}

func (j *journal) option() asynccalls.Option {
	return asynccalls.WithLogger(slog.New(slog.NewTextHandler(j, nil)))
}

// TestStuckHandlersAreReported has a handler that does not end with its context:
// it is named once, and only its key waits (2.8).
func TestStuckHandlersAreReported(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		log := &journal{}
		release := make(chan struct{})
		s := newService(t, "server", d, asynccalls.Limits{Handler: 10 * time.Second}, log.option())
		var cause error
		s.Handle("/stuck", func(ctx context.Context, _ asynccalls.ResponseWriter, _ *asynccalls.Request) error {
			<-ctx.Done()
			cause = context.Cause(ctx)
			<-release
			return nil
		})
		s.Handle("/e", reply(nil, "ok"))
		listen(t, s)
		client := newService(t, "client", d)
		r := asynccalls.NewRequest("server", "/stuck", nil)
		r.Key = "customer 17"
		sendAs(t, client, "one-way", r)
		elapse(19 * time.Second)
		if n := log.count("stuck"); n != 0 {
			t.Errorf("reported %d times before twice its limit", n)
		}
		elapse(time.Hour)
		if n := log.count("ERROR", "stuck", `/stuck (key \"customer 17\")`); n != 1 {
			t.Errorf("reported %d times, want once: %s", n, log.buf.String())
		}
		if cause != context.DeadlineExceeded { //nolint:errorlint // exactly this one
			t.Errorf("the context ended because of %v", cause)
		}
		if end := sendAs(t, client, "awaited", asynccalls.NewRequest("server", "/e", nil)); end != "[ok] <nil>" {
			t.Errorf("another key ended with %s", end)
		}
		close(release)
	})
}

// TestGrowthIsReported gives a topic more partitions, after which a key is found
// in another one (2.3).
func TestGrowthIsReported(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		log := &journal{}
		s := newService(t, "server", d, asynccalls.Topics{Partitions: 2}, log.option())
		s.Handle("/e", reply(nil))
		listen(t, s)
		elapse(time.Minute)
		if n := log.count("grown"); n != 0 {
			t.Errorf("reported %d times without growth", n)
		}
		if err := d.broker.DeleteTopic("server.requests"); err != nil {
			t.Fatal(err)
		}
		if err := d.Create(t.Context(), driver.Topic{Name: "server.requests", Partitions: 3}); err != nil {
			t.Fatal(err)
		}
		elapse(time.Minute)
		serve(t, d, "server", "/e", reply(nil)).Close() // a rebalance tells nothing new
		elapse(time.Minute)
		if n := log.count("WARN", "grown", "server.requests", `"partitions before"=2`); n != 1 {
			t.Errorf("reported %d times, want once: %s", n, log.buf.String())
		}
	})
}

// TestPanic wants a panic to be a failure of its message and no more, with its
// stack in the log and not at the caller's (2.5).
func TestPanic(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		log := &journal{}
		s := newService(t, "server", d, asynccalls.Retry{Attempts: 2}, log.option())
		s.Handle("/e", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
			var missing map[string]int
			missing["secret"]++ //nolint:staticcheck // it panics
			return nil
		})
		listen(t, s)
		client := newService(t, "client", d)
		for mode, runs := range map[string]int{"awaited": 1, "one-way": 2} {
			before := log.count("panicked")
			end := sendAs(t, client, mode, asynccalls.NewRequest("server", "/e", nil))
			elapse(time.Minute)
			if mode == "awaited" && end != "status 500: internal error" {
				t.Errorf("the caller was told %q", end)
			}
			if n := log.count("panicked", "nil map", "reports_test.go") - before; n != runs {
				t.Errorf("%s: %d panics with a stack were logged, want %d", mode, n, runs)
			}
		}
		if n := len(read(t, d, "server.dead")); n != 1 {
			t.Errorf("%d dead letters, want that of the one-way request", n)
		}
	})
}

// TestGoexit has handlers end their goroutines, more often than there may be
// workers.
func TestGoexit(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		s := newService(t, "server", d, asynccalls.Limits{Concurrency: 2})
		s.Handle("/e", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
			runtime.Goexit()
			return nil
		})
		listen(t, s)
		client := newService(t, "client", d)
		for range 5 {
			r := asynccalls.NewRequest("server", "/e", nil)
			r.Key = "k"
			if end := sendAs(t, client, "awaited", r); end != "status 500: internal error" {
				t.Errorf("the caller was told %q", end)
			}
		}
	})
}

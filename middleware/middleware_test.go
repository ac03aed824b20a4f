package middleware_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver/memory"
	"github.com/asynccalls/asynccalls/middleware"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world runs a test in virtual time, with a service that listens once set up, and a
// client.
func world(t *testing.T, setUp func(server, client *asynccalls.Service), f func(t *testing.T, client *asynccalls.Service)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := memory.New()
		t.Cleanup(func() { d.Close() })
		var services [2]*asynccalls.Service
		for i, id := range []string{"server", "client"} {
			s, err := asynccalls.New(id, d)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
			services[i] = s
		}
		setUp(services[0], services[1])
		for _, s := range services {
			go s.Listen(context.WithoutCancel(t.Context())) // Close ends it; a client without handlers need not listen
		}
		for _, s := range services {
			if err := s.Ready(t.Context()); err != nil && s == services[0] {
				t.Fatal(err)
			}
		}
		f(t, services[1])
	})
}

// journal is what was logged.
type journal struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

// lines returns what was logged, without the times at which it was, and with ID for IDs.
func (j *journal) lines() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	text := regexp.MustCompile(`time=\S+ `).ReplaceAllString(j.buf.String(), "")
	text = regexp.MustCompile(`(request|response)=\S+`).ReplaceAllString(text, "$1=ID")
	return strings.Split(strings.TrimSpace(text), "\n")
}

// secret stands for what must not be logged.
const secret = "canary"

func request(endpoint string) *asynccalls.Request {
	r := asynccalls.NewRequest("server", endpoint, []byte(secret))
	r.Header.Add("token", secret)
	return r
}

func TestLog(t *testing.T) {
	t.Parallel()
	server, client := &journal{}, &journal{}
	world(t, func(s, c *asynccalls.Service) {
		s.Use(middleware.Log(server.logger()))
		c.UseCalls(middleware.LogCalls(client.logger()))
		c.UseResponses(middleware.LogResponses(client.logger()))
		s.Handle("/well", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
			for range 2 {
				<-time.After(time.Second)
				resp := asynccalls.NewResponse([]byte(secret))
				resp.Header.Add("token", secret)
				if err := w.Send(ctx, resp); err != nil {
					return err
				}
			}
			return nil
		})
		s.Handle("/fails", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
			return errors.New("no database")
		})
		c.HandleResponses("server", "/well", func(_ context.Context, r *asynccalls.Response) error {
			<-time.After(time.Second)
			if r.Seq == 1 {
				return asynccalls.Drop(errors.New("not wanted"))
			}
			return nil
		})
	}, func(t *testing.T, c *asynccalls.Service) {
		ctx := t.Context()
		for range c.Call(ctx, request("/well")).Responses() {
		}
		for range c.Call(ctx, request("/well")).Responses() {
			break
		}
		if _, err := c.CallOne(ctx, request("/fails")); err == nil {
			t.Error("no error")
		}
		<-time.After(time.Minute)
		if err := c.Send(ctx, request("/well")); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
	})
	served := "level=INFO msg=\"request handled\" endpoint=/well request=ID from=client attempt=1 took=2s responses=2"
	check(t, server,
		served, "level=WARN msg=\"request handled\" endpoint=/fails request=ID from=client attempt=1 took=0s responses=0 error=\"no database\"",
		served, served)
	check(t, client,
		`level=INFO msg="call ended" service=server endpoint=/well request=ID first=1s took=2s responses=2`,
		`level=INFO msg="call ended" service=server endpoint=/well request=ID first=1s took=1s responses=1`,
		`level=WARN msg="call ended" service=server endpoint=/fails request=ID first=0s took=0s responses=0 error="call server/fails: status 500: internal error"`,
		`level=INFO msg="response handled" service=server endpoint=/well request=ID response=ID status=200 took=1s`,
		`level=WARN msg="response handled" service=server endpoint=/well request=ID response=ID status=200 took=1s error="not wanted"`)
}

func check(t *testing.T, j *journal, want ...string) {
	t.Helper()
	got := j.lines()
	if len(got) != len(want) {
		t.Errorf("%d lines, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
		return
	}
	for i, line := range got {
		if line != want[i] {
			t.Errorf("line %d is\n%s\nwant\n%s", i, line, want[i])
		}
		if strings.Contains(line, secret) {
			t.Errorf("line %d holds what must not be logged: %s", i, line)
		}
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	world(t, func(s, c *asynccalls.Service) {
		c.UseCalls(middleware.Timeout(3 * time.Second))
		s.Handle("/slow", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
			for ctx.Err() == nil {
				if err := w.Send(ctx, asynccalls.NewResponse(nil)); err != nil {
					return err
				}
				<-time.After(time.Second)
			}
			return ctx.Err()
		})
		s.Handle("/quick", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
			return w.Send(ctx, asynccalls.NewResponse([]byte("a")))
		})
	}, func(t *testing.T, c *asynccalls.Service) {
		for _, own := range []time.Duration{time.Hour, time.Second} {
			begun := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), min(own, 5*time.Minute))
			var failed error
			for _, err := range c.Call(ctx, request("/slow")).Responses() {
				failed = err
			}
			cancel()
			want := min(own, 3*time.Second)
			if took := time.Since(begun); !errors.Is(failed, context.DeadlineExceeded) || took != want {
				t.Errorf("ended after %v with %v, want %v after %v", took, failed, context.DeadlineExceeded, want)
			}
		}
		if r, err := c.CallOne(t.Context(), request("/quick")); err != nil || string(r.Body) != "a" {
			t.Errorf("got %v, %v", r, err)
		}
	})
}

// store is a Store that can fail.
type store struct {
	middleware.Store

	done, mark error
}

func (s *store) Done(ctx context.Context, id string) (bool, error) {
	if s.done != nil {
		return false, s.done
	}
	return s.Store.Done(ctx, id)
}

func (s *store) Mark(ctx context.Context, id string) error {
	if s.mark != nil {
		return s.mark
	}
	return s.Store.Mark(ctx, id)
}

// TestIdempotent handles requests a second time.
func TestIdempotent(t *testing.T) {
	t.Parallel()
	s := &store{Store: middleware.NewMemory(2)}
	runs, failure := 0, error(nil)
	h := middleware.Idempotent(s)(func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
		runs++
		return failure
	})
	broken := errors.New("broken")
	for i, step := range []struct {
		id               string
		fails            error
		done, mark, want error
		runs             int
	}{
		{"a", broken, nil, nil, broken, 1},
		{"a", nil, nil, nil, nil, 2}, // what failed is tried again
		{"a", nil, nil, nil, nil, 2},
		{"b", nil, broken, nil, broken, 2},
		{"b", nil, nil, broken, broken, 3},
		{"b", nil, nil, nil, nil, 4},
		{"a", nil, nil, nil, nil, 4}, // which makes it newer than b
		{"c", nil, nil, nil, nil, 5},
		{"a", nil, nil, nil, nil, 5},
		{"b", nil, nil, nil, nil, 6}, // it was forgotten
	} {
		r := request("/e")
		r.ID = step.id
		failure, s.done, s.mark = step.fails, step.done, step.mark
		if err := h(t.Context(), nil, r); !errors.Is(err, step.want) || runs != step.runs {
			t.Errorf("step %d: %v, and %d runs, want %v and %d", i, err, runs, step.want, step.runs)
		}
	}
}

func TestIdempotentResponses(t *testing.T) {
	t.Parallel()
	runs := 0
	h := middleware.IdempotentResponses(middleware.NewMemory(10))(func(context.Context, *asynccalls.Response) error {
		runs++
		return nil
	})
	for _, id := range []string{"a.run.0", "a.run.1", "a.run.0", "a.again.0"} {
		if err := h(t.Context(), &asynccalls.Response{ID: id, RequestID: "a"}); err != nil {
			t.Error(err)
		}
	}
	if runs != 3 {
		t.Errorf("%d runs, want 3", runs)
	}
}

func TestNewMemoryPanics(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("a memory for nothing was made")
		}
	}()
	middleware.NewMemory(0)
}

// TestTimeoutEndsWithTheLoop has the context of a call end when the loop over its
// responses is left.
func TestTimeoutEndsWithTheLoop(t *testing.T) {
	t.Parallel()
	var inner context.Context
	caller := middleware.Timeout(time.Hour)(func(ctx context.Context, r *asynccalls.Request) iter.Seq2[*asynccalls.Response, error] {
		inner = ctx //nolint:fatcontext // to look at it
		return answer(ctx, r)
	})
	for range caller(t.Context(), request("/e")) {
		if inner.Err() != nil {
			t.Errorf("the context ended too early: %v", inner.Err())
		}
	}
	if inner.Err() == nil {
		t.Error("the context goes on after the call")
	}
}

// refusing is a ResponseWriter that takes nothing.
type refusing struct{}

func (refusing) Send(context.Context, *asynccalls.Response) error { return asynccalls.ErrClosed }

// TestLogCountsWhatWasSent does not count what could not be sent.
func TestLogCountsWhatWasSent(t *testing.T) {
	t.Parallel()
	j := &journal{}
	h := middleware.Log(j.logger())(func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
		_ = w.Send(ctx, asynccalls.NewResponse(nil))
		return nil
	})
	if err := h(t.Context(), refusing{}, request("/e")); err != nil {
		t.Error(err)
	}
	if lines := j.lines(); !strings.HasSuffix(lines[0], "responses=0") {
		t.Errorf("logged %q, want no responses", lines)
	}
}

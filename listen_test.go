package asynccalls_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/memory"
)

// TestShutdown ends Listen while a handler runs that still makes a call: it may
// finish, what was not started is left, and pending calls end (2.9).
func TestShutdown(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		serve(t, d, "helper", "/e", reply(nil, "helped"))
		silent := newService(t, "silent", d)
		free := make(chan struct{})
		silent.Handle("/e", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
			<-free
			return nil
		})
		listen(t, silent)
		defer close(free)
		s := newService(t, "server", d, asynccalls.Limits{Concurrency: 1})
		started := make(chan struct{})
		s.Handle("/e", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
			close(started) // once, or it panics
			pass(10 * time.Second)
			r, err := s.CallOne(ctx, asynccalls.NewRequest("helper", "/e", nil))
			if err != nil {
				return err
			}
			return w.Send(ctx, asynccalls.NewResponse(r.Body))
		})
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() { result <- s.Listen(ctx) }()
		if err := s.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		client := newService(t, "client", d)
		call := client.Call(t.Context(), asynccalls.NewRequest("server", "/e", nil))
		<-started
		waiting := client.Call(t.Context(), asynccalls.NewRequest("server", "/e", nil))
		pending := s.Call(t.Context(), asynccalls.NewRequest("silent", "/e", nil))
		synctest.Wait()
		cancel()
		start := time.Now()
		if err := <-result; err != nil {
			t.Errorf("Listen returned %v, want a clean end", err)
		}
		if took := time.Since(start); took > 11*time.Second {
			t.Errorf("Listen took %v to end, want the 10s of the handler", took)
		}
		bodies, err := collect(call)
		if diff := cmp.Diff([]string{"helped"}, bodies); diff != "" || err != nil {
			t.Errorf("call ended with %v; responses (-want +got):\n%s", err, diff)
		}
		if _, err := collect(pending); !errors.Is(err, asynccalls.ErrClosed) {
			t.Errorf("the pending call ended with %v, want ErrClosed", err)
		}
		if _, err := collect(s.Call(t.Context(), asynccalls.NewRequest("silent", "/e", nil))); !errors.Is(err, asynccalls.ErrClosed) {
			t.Errorf("a call after the end gave %v, want ErrClosed", err)
		}
		serve(t, d, "server", "/e", reply(nil, "again"))
		bodies, err = collect(waiting)
		if diff := cmp.Diff([]string{"again"}, bodies); diff != "" || err != nil {
			t.Errorf("the request that was not started ended with %v; responses (-want +got):\n%s", err, diff)
		}
	})
}

func TestListenIsForOnce(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		s := serve(t, d, "server", "/e", reply(nil))
		if err := s.Listen(t.Context()); err == nil || !strings.Contains(err.Error(), "listens already") {
			t.Errorf("listening twice gave %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Listen(t.Context()); !errors.Is(err, asynccalls.ErrClosed) {
			t.Errorf("listening after Close gave %v, want ErrClosed", err)
		}
		if err := s.Ready(t.Context()); !errors.Is(err, asynccalls.ErrClosed) {
			t.Errorf("ready after Close is %v, want ErrClosed", err)
		}
		idle := newService(t, "idle", d)
		if err := idle.Listen(t.Context()); err == nil || !strings.Contains(err.Error(), `service "idle" has no handlers`) {
			t.Errorf("listening without handlers gave %v", err)
		}
		if err := idle.Close(); err != nil {
			t.Error(err)
		}
		if err := idle.Ready(t.Context()); !errors.Is(err, asynccalls.ErrClosed) {
			t.Errorf("ready after Close is %v, want ErrClosed", err)
		}
		if err := idle.Close(); err != nil {
			t.Errorf("closing twice gave %v", err)
		}
	})
}

// TestReadyBeforeListen shows that Ready may be called first, and says what it
// waits for.
func TestReadyBeforeListen(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		s := newService(t, "server", d)
		s.Handle("/e", reply(nil))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := s.Ready(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "waiting for Listen to be called") {
			t.Errorf("ready without Listen is %v", err)
		}
		ready := make(chan error, 1)
		go func() { ready <- s.Ready(t.Context()) }()
		synctest.Wait()
		listen(t, s)
		if err := <-ready; err != nil {
			t.Error(err)
		}
	})
}

// TestReadyOfAClient sets up the reply lane without a call.
func TestReadyOfAClient(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		client := newService(t, "client", d)
		if err := client.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		topics, err := d.Topics(t.Context(), "client.replies")
		if err != nil || len(topics) != 1 || topics[0].Partitions != 8 {
			t.Errorf("topic of replies is %v, error %v, want one with 8 partitions", topics, err)
		}
	})
}

// TestBrokerAway keeps Listen, Ready and a call waiting for a broker that is
// away, and lets it come.
func TestBrokerAway(t *testing.T) {
	t.Parallel()
	away := errors.New("dial tcp 127.0.0.1:9: connection refused")
	world(t, func(t *testing.T, d *faulty) {
		d.onTopics(func() error { return away })
		s, client := newService(t, "server", d), newService(t, "client", d)
		s.Handle("/e", reply(nil, "a"))
		go s.Listen(t.Context())
		for name, service := range map[string]*asynccalls.Service{"server": s, "client": client} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := service.Ready(ctx); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, away) {
				t.Errorf("ready of the %s is %v, want the deadline and what was waited for", name, err)
			}
		}
		_, err := collect(client.Call(t.Context(), asynccalls.NewRequest("server", "/e", nil)))
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, away) {
			t.Errorf("call ended with %v, want the deadline and what was waited for", err)
		}
		if err := d.Create(t.Context(), driver.Topic{Name: "server.requests", Partitions: 1}); err != nil {
			t.Fatal(err)
		}
		call := client.Call(t.Context(), asynccalls.NewRequest("server", "/e", nil))
		var tries atomic.Int32
		d.onTopics(func() error {
			tries.Add(1)
			return away
		})
		pass(20 * time.Second)
		if n := tries.Load(); n < 8 || n > 20 {
			t.Errorf("server and client tried %d times in 20s, want one each in about 5s", n)
		}
		d.onTopics(nil)
		if bodies, err := collect(call); err != nil || len(bodies) != 1 {
			t.Errorf("call ended with %v and %v, want one response", bodies, err)
		}
		if err := errors.Join(s.Ready(t.Context()), client.Ready(t.Context())); err != nil {
			t.Errorf("not ready with the broker there: %v", err)
		}
	})
}

// TestListenEndsWhileTheBrokerIsAway ends the waiting with its context.
func TestListenEndsWhileTheBrokerIsAway(t *testing.T) {
	t.Parallel()
	away := errors.New("no route to host")
	world(t, func(t *testing.T, d *faulty) {
		d.onTopics(func() error { return away })
		s := newStubborn(t, "server", d)
		s.Handle("/e", reply(nil))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		err := s.Listen(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, away) {
			t.Errorf("Listen returned %v, want the deadline and what was waited for", err)
		}
		if got := s.Ready(t.Context()); !errors.Is(got, away) {
			t.Errorf("ready is %v, want what Listen returned", got)
		}
	})
}

// TestDriverClosedFirst ends Listen with an error when the driver goes first.
func TestDriverClosedFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := memory.New()
		s := newStubborn(t, "server", d)
		s.Handle("/e", reply(nil))
		result := make(chan error, 1)
		go func() { result <- s.Listen(t.Context()) }()
		if err := s.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		client := newService(t, "client", d)
		if err := client.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-result; err == nil || !strings.Contains(err.Error(), `service "server": receive: `) {
			t.Errorf("Listen returned %v, want that receiving ended", err)
		}
		synctest.Wait() // until the client has noticed too
		_, err := collect(client.Call(t.Context(), asynccalls.NewRequest("server", "/e", nil)))
		if !errors.Is(err, driver.ErrRefused) {
			t.Errorf("call ended with %v, want ErrRefused", err)
		}
	})
}

package asynccalls_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
)

// stats returns all figures.
func stats(t *testing.T, s *asynccalls.Service) asynccalls.Stats {
	t.Helper()
	got, err := s.Stats(t.Context())
	if err != nil {
		t.Error(err)
	}
	return got
}

// checkStats compares all figures but those of commits and of the lag.
func checkStats(t *testing.T, s *asynccalls.Service, when string, want asynccalls.Stats) {
	t.Helper()
	got := stats(t, s)
	got.Lag, got.Commits, got.CommitFailures = nil, 0, 0
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", when, diff)
	}
}

// TestStatsOfServer looks at figures of a service whose handlers are busy.
func TestStatsOfServer(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		release := make(chan struct{})
		block := func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
			<-release
			return nil
		}
		s := newService(t, "server", d, asynccalls.Limits{Concurrency: 3, Window: 10}, asynccalls.Topics{Partitions: 1})
		s.Handle("/block", block)
		s.Handle("/crowd", block, asynccalls.Limits{Concurrency: 1})
		s.Handle("/fail", reply(errors.New("broken")), asynccalls.Retry{Attempts: 2, Backoff: 30 * time.Second})
		s.Handle("/away", reply(asynccalls.Unavailable(errors.New("away"))))
		checkStats(t, s, "before Listen", asynccalls.Stats{})
		checkLag(t, s, "before Listen", -1)
		listen(t, s)
		checkStats(t, s, "without messages", asynccalls.Stats{Assigned: 1})

		client := newService(t, "client", d)
		send := func(endpoint string, n int) {
			for range n {
				r := asynccalls.NewRequest("server", endpoint, nil)
				sendAs(t, client, "one-way", r)
				elapse(time.Millisecond) // so that each is received by itself
			}
		}
		send("/fail", 1)
		send("/away", 1)
		checkStats(t, s, "with failed ones", asynccalls.Stats{Assigned: 1, Parked: 2, Window: 0.2})
		send("/crowd", 3)
		checkStats(t, s, "with a crowd", asynccalls.Stats{Assigned: 1, Parked: 2, Running: 1, Ready: 2, Window: 0.5})
		send("/block", 4)
		checkStats(t, s, "when busy", asynccalls.Stats{Assigned: 1, Parked: 2, Running: 3, Ready: 4, Window: 0.9})
		checkLag(t, s, "when busy", 9)
		send("/block", 2)
		checkStats(t, s, "when full",
			asynccalls.Stats{Assigned: 1, Parked: 2, Running: 3, Ready: 5, Window: 1, Paused: 1})
		checkLag(t, s, "when full", 11)
		if got := stats(t, s); got.Commits != 0 || got.CommitFailures != 0 {
			t.Errorf("%d commits, %d failed, want none", got.Commits, got.CommitFailures)
		}

		d.mu.Lock()
		d.commit = func(context.Context) error { return errors.New("not now") }
		d.mu.Unlock()
		close(release)
		elapse(10 * time.Minute)
		if got := stats(t, s); got.Commits != 0 || got.CommitFailures < 10 {
			t.Errorf("%d commits, %d failed, want only failed ones", got.Commits, got.CommitFailures)
		}
		d.mu.Lock()
		d.commit = nil
		d.mu.Unlock()
		elapse(time.Second)
		if got := stats(t, s); got.Commits != 1 {
			t.Errorf("%d commits, want one", got.Commits)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		checkStats(t, s, "at the end", asynccalls.Stats{})
		checkLag(t, s, "at the end", -1)
	})
}

// checkLag checks the lag of a service with one partition; -1 for none.
func checkLag(t *testing.T, s *asynccalls.Service, when string, n int64) {
	t.Helper()
	var want map[driver.Partition]int64
	if n >= 0 {
		want = map[driver.Partition]int64{{Topic: s.String() + ".requests"}: n}
	}
	if diff := cmp.Diff(want, stats(t, s).Lag); diff != "" {
		t.Errorf("lag %s (-want +got):\n%s", when, diff)
	}
}

// TestLagWithoutBroker asks for the lag without time to.
func TestLagWithoutBroker(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		s := serve(t, d, "server", "/e", reply(nil))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		got, err := s.Stats(ctx)
		if !errors.Is(err, context.Canceled) || got.Lag != nil || got.Assigned == 0 {
			t.Errorf("stats are %+v with error %v, want an error beside all but the lag", got, err)
		}
	})
}

// TestStatsOfClients looks at figures of two instances that share a partition for
// responses.
func TestStatsOfClients(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		serve(t, d, "server", "/e", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
			if err := w.Send(ctx, asynccalls.NewResponse([]byte("one"))); err != nil {
				return err
			}
			pass(10 * time.Second)
			return nil
		})
		one := newService(t, "client", d, asynccalls.WithReplyOrdinal(0))
		two := newService(t, "client", d, asynccalls.WithReplyOrdinal(0))
		for _, s := range []*asynccalls.Service{one, two} {
			if err := s.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		unread := one.Call(t.Context(), asynccalls.NewRequest("server", "/e", nil))
		elapse(time.Second)
		got := stats(t, one)
		if got.Unread < 3 || got.Unread > 1<<10 {
			t.Errorf("%d bytes unread, want those of a short response", got.Unread)
		}
		checkStats(t, one, "with an unread response", asynccalls.Stats{Replies: 1, Unread: got.Unread, Pending: 1})
		checkStats(t, two, "beside it", asynccalls.Stats{ForeignReplies: 1})
		for _, err := range unread.Responses() {
			if err != nil {
				t.Error(err)
			}
			checkStats(t, one, "when it was read", asynccalls.Stats{Replies: 1, Pending: 1})
		}
		synctest.Wait() // the other receives it, too
		checkStats(t, one, "at the end", asynccalls.Stats{Replies: 2})
		checkStats(t, two, "at the end", asynccalls.Stats{ForeignReplies: 2})
	})
}

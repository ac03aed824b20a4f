package asynccalls_test

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
)

// TestCommitsNeverGoBack lets commits fail, and take long, while requests come in
// and partitions come and go: one commit at a time, never an older position after
// a newer one (2.2; pitfall 4).
func TestCommitsNeverGoBack(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		var handled atomic.Int32
		handle := func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
			handled.Add(1)
			return nil
		}
		serve(t, d, "server", "/e", handle)
		client := newService(t, "client", d)
		var now, tries atomic.Int32
		d.onCommit(func(context.Context) error {
			if now.Add(1) != 1 {
				t.Error("two commits of one group member at a time")
			}
			pass(700 * time.Millisecond) // longer than until the next one is due
			now.Add(-1)
			if tries.Add(1)%3 != 0 {
				return driver.ErrUnknownOutcome
			}
			return nil
		})
		var other *asynccalls.Service // takes half of the partitions, now and then
		for i := range 200 {
			r := asynccalls.NewRequest("server", "/e", nil)
			r.Key = strconv.Itoa(i)
			sendAs(t, client, "one-way", r)
			pass(100 * time.Millisecond)
			switch i % 20 {
			case 8:
				other = serve(t, &faulty{Driver: d.broker, broker: d.broker}, "server", "/e", handle)
			case 17:
				if err := other.Close(); err != nil {
					t.Error(err)
				}
			}
		}
		elapse(time.Minute)
		last := map[driver.Partition]int64{}
		for _, p := range d.committed() {
			if p.Offset <= last[p.Partition] {
				t.Errorf("committed %d of %v after %d", p.Offset, p.Partition, last[p.Partition])
			}
			last[p.Partition] = p.Offset
		}
		if n := handled.Load(); n < 200 {
			t.Errorf("%d runs, want 200 at least", n)
		}
		if len(last) == 0 {
			t.Error("nothing was committed")
		}
	})
}

// TestGroupBeginsAtTheBeginning sends requests before the service has ever
// listened: they are handled (2.11).
func TestGroupBeginsAtTheBeginning(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		if err := d.Create(t.Context(), driver.Topic{Name: "server.requests", Partitions: 3}); err != nil {
			t.Fatal(err)
		}
		client := newService(t, "client", d)
		var want []string
		for i := range 9 {
			want = append(want, strconv.Itoa(i))
			r := asynccalls.NewRequest("server", "/e", []byte(want[i]))
			sendAs(t, client, "one-way", r)
		}
		pass(time.Hour)
		var handled list
		serve(t, d, "server", "/e", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
			handled.add(string(r.Body))
			return nil
		})
		elapse(time.Second)
		if diff := cmp.Diff(want, handled.sorted()); diff != "" {
			t.Errorf("handled (-want +got):\n%s", diff)
		}
	})
}

// TestLastCommit stops a service while a commit that began before does not come
// back: the last one does not wait for it, and no other follows (2.9).
func TestLastCommit(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		s := newService(t, "server", d)
		s.Handle("/e", reply(nil))
		listen(t, s)
		client := newService(t, "client", d)
		var tries atomic.Int32
		d.onCommit(func(ctx context.Context) error {
			if tries.Add(1) == 1 {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		})
		sendAs(t, client, "one-way", asynccalls.NewRequest("server", "/e", nil))
		pass(time.Second)
		begin := time.Now()
		if err := s.Close(); err != nil || time.Since(begin) > 0 {
			t.Errorf("Close took %v and returned %v, want that it does not wait", time.Since(begin), err)
		}
		if p := d.committed(); len(p) != 1 || p[0].Offset != 1 {
			t.Errorf("committed is %v, want one position, 1", p)
		}
	})
}

// TestLastCommitFails stops a service that can't commit: it says so in time, and
// does not go on trying (2.9).
func TestLastCommitFails(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		s := newStubborn(t, "server", d)
		s.Handle("/e", reply(nil))
		listen(t, s)
		client := newService(t, "client", d)
		var tries atomic.Int32
		d.onCommit(func(context.Context) error { tries.Add(1); return driver.ErrUnknownOutcome })
		d.onLeave(func() { pass(time.Minute) })
		sendAs(t, client, "one-way", asynccalls.NewRequest("server", "/e", nil))
		synctest.Wait()
		if err := s.Close(); !errors.Is(err, driver.ErrUnknownOutcome) {
			t.Errorf("Close returned %v, want that of the commit", err)
		}
		if n := tries.Load(); n != 1 {
			t.Errorf("%d commits, want the last one", n)
		}
	})
}

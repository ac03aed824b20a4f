package memory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/memory"
)

// A diary is a listener that writes down its calls.
type diary struct {
	hold func(context.Context) // runs within Revoked, if set

	mu    sync.Mutex // guards pages
	pages []string
}

func (d *diary) Assigned(p []driver.Partition) { d.write("assigned", p) }
func (d *diary) Lost(p []driver.Partition)     { d.write("lost", p) }

func (d *diary) Revoked(ctx context.Context, p []driver.Partition) {
	d.write("revoked", p)
	if d.hold != nil {
		d.hold(ctx)
		d.write("released", p)
	}
}

func (d *diary) write(what string, partitions []driver.Partition) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range partitions {
		what += fmt.Sprintf(" %s/%d", p.Topic, p.ID)
	}
	d.pages = append(d.pages, what)
}

// read returns what was written since the last call.
func (d *diary) read() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := strings.Join(d.pages, ", ")
	d.pages = nil
	return all
}

func (d *diary) check(t *testing.T, want string) {
	t.Helper()
	if got := d.read(); got != want {
		t.Errorf("listener called %q, want %q", got, want)
	}
}

func create(t *testing.T, d *memory.Driver, topics ...driver.Topic) {
	t.Helper()
	if err := d.Create(t.Context(), topics...); err != nil {
		t.Fatal(err)
	}
}

func join(t *testing.T, d *memory.Driver, l driver.Listener, topics ...string) driver.Group {
	t.Helper()
	g, err := d.Join(t.Context(), "group", topics, l)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// poll receives what is there at once. It needs virtual time.
func poll(t *testing.T, r driver.Reader) ([]driver.Record, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	buf := make([]driver.Record, 100)
	n, err := r.Receive(ctx, buf)
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil
	}
	return buf[:n], err
}

func publish(t *testing.T, d *memory.Driver, records ...*driver.Record) {
	t.Helper()
	for _, r := range records {
		d.Publish(t.Context(), r, func(_ *driver.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func position(topic string, partition int32, offset int64) driver.Position {
	return driver.Position{Partition: driver.Partition{Topic: topic, ID: partition}, Offset: offset, Epoch: -1}
}

func TestGroup_memberThatDoesNotReceiveLosesItsPartitions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := memory.New()
		defer d.Close()
		create(t, d, driver.Topic{Name: "t", Partitions: 2})
		var first, second diary
		g1 := join(t, d, &first, "t")
		_, _ = poll(t, g1)
		first.check(t, "assigned t/0 t/1")

		g2 := join(t, d, &second, "t")
		_, _ = poll(t, g2)
		second.check(t, "assigned")
		if err := g1.Commit(t.Context(), position("t", 0, 1), position("t", 1, 1)); err != nil {
			t.Errorf("commit before the timeout: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, _ = g2.Receive(ctx, make([]driver.Record, 1))
		_, _ = poll(t, g2)
		second.check(t, "assigned t/0 t/1")
		first.check(t, "")
		if err := g1.Commit(t.Context(), position("t", 0, 2)); !errors.Is(err, driver.ErrRefused) {
			t.Errorf("commit after the timeout: error %v, want ErrRefused", err)
		}

		_, _ = poll(t, g1)
		first.check(t, "lost t/0 t/1, assigned")
		_, _ = poll(t, g2)
		second.check(t, "revoked t/0, assigned")
		_, _ = poll(t, g1)
		first.check(t, "assigned t/0")
	})
}

func TestGroup_listenerThatTakesTooLongLosesItsPartitions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := memory.New()
		defer d.Close()
		create(t, d, driver.Topic{Name: "t", Partitions: 2})
		var ended time.Duration
		first := diary{hold: func(ctx context.Context) {
			start := time.Now()
			<-ctx.Done()
			ended = time.Since(start)
			synctest.Wait()
		}}
		var second diary
		g1 := join(t, d, &first, "t")
		_, _ = poll(t, g1)
		first.check(t, "assigned t/0 t/1")
		g2 := join(t, d, &second, "t")
		_, _ = poll(t, g1)
		if ended != time.Minute {
			t.Errorf("the context of Revoked ended after %v, want %v", ended, time.Minute)
		}
		_, _ = poll(t, g2)
		_, _ = poll(t, g1)
		if pages := first.read(); !strings.HasPrefix(pages, "revoked t/0, released t/0, lost t/1, assigned") {
			t.Errorf("listener called %q, want t/0 revoked and t/1 lost", pages)
		}
	})
}

func TestGroup_memberThatReceivesStays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := memory.New()
		defer d.Close()
		create(t, d, driver.Topic{Name: "t", Partitions: 2})
		var first, second diary
		g1, g2 := join(t, d, &first, "t"), join(t, d, &second, "t")
		for range 5 {
			_, _ = poll(t, g1)
			_, _ = poll(t, g2)
		}
		first.check(t, "assigned t/0")
		second.check(t, "assigned t/1")
		time.AfterFunc(time.Hour, func() { publish(t, d, &driver.Record{Topic: "t", Partition: 1}) })
		if n, err := g2.Receive(t.Context(), make([]driver.Record, 1)); n != 1 || err != nil {
			t.Errorf("receive returned %d records and error %v, want 1 and none", n, err)
		}
		_, _ = poll(t, g1)
		first.check(t, "")
		second.check(t, "")
	})
}

func TestGroup_deletedTopic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := memory.New()
		defer d.Close()
		create(t, d, driver.Topic{Name: "a"}, driver.Topic{Name: "b"})
		var l diary
		g := join(t, d, &l, "a", "b")
		publish(t, d, &driver.Record{Topic: "a"}, &driver.Record{Topic: "a"})
		if records, err := poll(t, g); len(records) != 2 || err != nil {
			t.Fatalf("received %d records and error %v, want 2 and none", len(records), err)
		}
		l.check(t, "assigned a/0 b/0")
		if err := g.Commit(t.Context(), position("a", 0, 2)); err != nil {
			t.Fatal(err)
		}
		if err := d.DeleteTopic("a"); err != nil {
			t.Fatal(err)
		}
		if err := g.Commit(t.Context(), position("a", 0, 2)); !errors.Is(err, driver.ErrNoTopic) {
			t.Errorf("commit to a deleted topic: error %v, want ErrNoTopic", err)
		}
		_, err := poll(t, g)
		lost, ok := errors.AsType[*driver.LostError](err)
		want := driver.LostError{Partition: driver.Partition{Topic: "a"}, From: 2}
		if !ok || *lost != want {
			t.Errorf("receive returned error %v, want %v", err, &want)
		}
		_, _ = poll(t, g)
		l.check(t, "lost a/0, assigned")

		create(t, d, driver.Topic{Name: "a", Partitions: 2})
		publish(t, d, &driver.Record{Topic: "a", Partition: 0}, &driver.Record{Topic: "a", Partition: 1})
		records, err := poll(t, g)
		if len(records) != 2 || err != nil || records[0].Offset != 0 {
			t.Errorf("received %d records and error %v, want 2 and none", len(records), err)
		}
		l.check(t, "assigned a/0 a/1")
	})
}

func TestGroup_sharesEvenlyWhateverIsSubscribed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := memory.New()
		defer d.Close()
		create(t, d, driver.Topic{Name: "a", Partitions: 3}, driver.Topic{Name: "b", Partitions: 3})
		listeners := make([]diary, 3)
		groups := []driver.Group{
			join(t, d, &listeners[0], "a", "b"), join(t, d, &listeners[1], "b"), join(t, d, &listeners[2], "a"),
		}
		for range 5 {
			for _, g := range groups {
				_, _ = poll(t, g)
			}
		}
		var owned []string
		for i := range listeners {
			for page := range strings.SplitSeq(listeners[i].read(), ", ") {
				fields := strings.Fields(page)
				if fields[0] != "assigned" || len(fields) > 3 {
					t.Errorf("member %d: %q, want at most two partitions assigned", i, page)
				}
				owned = append(owned, fields[1:]...)
			}
		}
		slices.Sort(owned)
		if got := strings.Join(owned, " "); got != "a/0 a/1 a/2 b/0 b/1 b/2" {
			t.Errorf("assigned %q, want each partition once", got)
		}
	})
}

func TestGroup_refusesToCommit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := memory.New()
		defer d.Close()
		create(t, d, driver.Topic{Name: "t"})
		g := join(t, d, &diary{}, "t")
		_, _ = poll(t, g)
		meta := position("t", 0, 1)
		meta.Meta = strings.Repeat("m", 4097)
		for name, p := range map[string]driver.Position{"negative": position("t", 0, -1), "metadata": meta} {
			if err := g.Commit(t.Context(), p); !errors.Is(err, driver.ErrRefused) {
				t.Errorf("%s: error %v, want ErrRefused", name, err)
			}
		}
	})
}

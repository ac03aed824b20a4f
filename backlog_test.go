package asynccalls_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
)

// metered is a driver that counts what groups receive, and tells when one has
// paused.
type metered struct {
	driver.Driver
	received atomic.Int64 // bytes of values
	paused   chan struct{}
	once     sync.Once
}

func (m *metered) Join(ctx context.Context, group string, topics []string, l driver.Listener) (driver.Group, error) {
	g, err := m.Driver.Join(ctx, group, topics, l)
	return &meteredGroup{g, m}, err
}

type meteredGroup struct {
	driver.Group
	m *metered
}

func (g *meteredGroup) Receive(ctx context.Context, buf []driver.Record) (int, error) {
	n, err := g.Group.Receive(ctx, buf)
	for _, r := range buf[:n] {
		g.m.received.Add(int64(len(r.Value)))
	}
	return n, err
}

func (g *meteredGroup) Pause(all []driver.Partition) {
	g.Group.Pause(all)
	if len(all) > 0 {
		g.m.once.Do(func() { close(g.m.paused) })
	}
}

// TestKafkaBacklog has a service start behind a backlog of 100 MB with a budget of
// 32 MiB: it takes in no more than that and what was fetched at once, and loses
// nothing (2.10).
func TestKafkaBacklog(t *testing.T) {
	t.Parallel()
	kafkaTier(t, func(ctx context.Context, t *testing.T, d driver.Driver, topics asynccalls.Topics) {
		const requests, size, budget, fetch = 500, 200_000, 32 << 20, 16 << 20
		m := &metered{Driver: d, paused: make(chan struct{})}
		topics.Partitions = 1
		handled := make(chan struct{}, requests)
		proceed := make(chan struct{})
		handle := func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
			<-proceed
			handled <- struct{}{}
			return nil
		}
		first := newService(t, "server", d, topics) // makes the topics
		first.Handle("/e", handle)
		listen(t, first)
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		client := newService(t, "client", d, topics)
		for range requests / 50 {
			var batch []*asynccalls.Request
			for range 50 {
				batch = append(batch, asynccalls.NewRequest("server", "/e", make([]byte, size)))
			}
			if err := client.Notify(ctx, batch...); err != nil {
				t.Fatal(err)
			}
		}
		s := newService(t, "server", m, topics)
		s.Handle("/e", handle)
		listen(t, s)
		select {
		case <-m.paused:
		case <-ctx.Done():
			t.Fatal("the partition was not paused")
		}
		if n := m.received.Load(); n > budget+fetch {
			t.Errorf("took in %d bytes with a budget of %d", n, budget)
		}
		close(proceed)
		for i := range requests {
			select {
			case <-handled:
			case <-ctx.Done():
				t.Fatalf("%d of %d requests were handled", i, requests)
			}
		}
	})
}

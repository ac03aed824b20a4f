package kafkatest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/embedded"
)

// CommitStoresAll looks from outside at what Commit has stored.
func CommitStoresAll(t *testing.T, open Open) {
	onClusters(t, func(t *testing.T, addr string) {
		d := open(t, addr)
		topic := Create(t, d, 1)
		fill(t, d, topic, Numbers(0, 5)...)
		m := join(t, d, "group-"+topic, topic)
		m.receiveUntil(t, func() bool { return len(m.records) == 5 })
		epoch := m.records[3].Epoch
		p := driver.Position{Partition: driver.Partition{Topic: topic}, Offset: 4, Epoch: epoch, Meta: "meta"}
		if err := m.Commit(t.Context(), p); err != nil {
			t.Fatalf("commit: %v", err)
		}
		stored, err := kadm.NewClient(Raw(t, addr)).FetchOffsets(t.Context(), "group-"+topic)
		if err != nil {
			t.Fatalf("fetch offsets: %v", err)
		}
		got, _ := stored.Lookup(topic, 0)
		if got.At != 4 || got.LeaderEpoch != epoch || got.Metadata != "meta" {
			t.Errorf("stored offset %d, epoch %d, metadata %q, want 4, %d, %q",
				got.At, got.LeaderEpoch, got.Metadata, epoch, "meta")
		}
	})
}

// CommitObeysContext commits while the broker is away, and closes the driver, which
// does not wait for the commit. It returns the group, and the address at which the
// broker was.
func CommitObeysContext(t *testing.T, open Open) (g driver.Group, addr string) {
	broker := Start(t, embedded.Options{})
	d := open(t, broker.Addr())
	topic := Create(t, d, 1)
	m := join(t, d, "group", topic)
	m.receiveUntil(t, func() bool { return m.assigned > 0 })
	_ = broker.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := m.Commit(ctx, at(topic, 0)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("commit without a broker: error %v, want %v", err, context.DeadlineExceeded)
	}
	begin := time.Now()
	if err := d.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("close without a broker took %v", took)
	}
	return m.Group, broker.Addr()
}

package confluent_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/franz"
	"github.com/asynccalls/asynccalls/internal/drivers/kafkatest"

	"github.com/asynccalls/asynccalls/driver/confluent"
)

var (
	_ driver.Driver = (*confluent.Driver)(nil)
	_ driver.Driver = (*franz.Driver)(nil)
)

// both opens a driver of each kind.
func both(tb testing.TB, addr string) map[string]driver.Driver {
	tb.Helper()
	f, err := franz.Open(addr)
	if err != nil {
		tb.Fatalf("open: %v", err)
	}
	tb.Cleanup(func() { _ = f.Close() })
	return map[string]driver.Driver{"franz": f, "confluent": open(tb, addr)}
}

// other is the name of the other kind.
var other = map[string]string{"franz": "confluent", "confluent": "franz"}

// A mate is a member that commits what it has received when it gives partitions
// up.
type mate struct {
	driver.Group
	tb       testing.TB
	owned    map[driver.Partition]bool
	next     map[driver.Partition]int64
	received map[driver.Partition][]string

	onRevoked func() // called by Revoked if it is set
}

func joinMate(tb testing.TB, d driver.Driver, group, topic string) *mate {
	tb.Helper()
	m := &mate{
		tb:    tb,
		owned: map[driver.Partition]bool{}, next: map[driver.Partition]int64{},
		received: map[driver.Partition][]string{},
	}
	g, err := d.Join(tb.Context(), group, []string{topic}, m)
	if err != nil {
		tb.Fatalf("join: %v", err)
	}
	m.Group = g
	return m
}

func (m *mate) Assigned(all []driver.Partition) {
	for _, p := range all {
		m.owned[p] = true
	}
}

func (m *mate) Revoked(ctx context.Context, all []driver.Partition) {
	if m.onRevoked != nil {
		m.onRevoked()
	}
	m.commit(ctx, all...)
	m.Lost(all)
}

func (m *mate) Lost(all []driver.Partition) {
	for _, p := range all {
		delete(m.owned, p)
		delete(m.next, p)
	}
}

func (m *mate) commit(ctx context.Context, all ...driver.Partition) {
	var positions []driver.Position
	for _, p := range all {
		if next, ok := m.next[p]; ok {
			positions = append(positions, driver.Position{Partition: p, Offset: next, Epoch: -1})
		}
	}
	if len(positions) == 0 {
		return
	}
	if err := m.Commit(ctx, positions...); err != nil {
		m.tb.Errorf("commit: %v", err)
	}
}

// leave commits and closes.
func (m *mate) leave() {
	for p := range m.owned {
		m.commit(m.tb.Context(), p)
	}
	if err := m.Close(); err != nil {
		m.tb.Errorf("close: %v", err)
	}
}

func (m *mate) receiveOnce() {
	ctx, cancel := context.WithTimeout(m.tb.Context(), 20*time.Millisecond)
	defer cancel()
	buf := make([]driver.Record, 100)
	n, err := m.Receive(ctx, buf)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		m.tb.Fatalf("receive: %v", err)
	}
	for _, r := range buf[:n] {
		p := driver.Partition{Topic: r.Topic, ID: r.Partition}
		if !m.owned[p] {
			m.tb.Errorf("received offset %d of partition %d, which is not assigned", r.Offset, p.ID)
		}
		m.next[p] = r.Offset + 1
		m.received[p] = append(m.received[p], string(r.Value))
	}
}

// until has the mates receive, in turns, until a condition holds.
func until(tb testing.TB, what string, mates []*mate, condition func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); {
		for _, m := range mates {
			m.receiveOnce()
		}
		if time.Now().After(deadline) {
			tb.Fatalf("waited in vain until %s", what)
		}
	}
}

// TestGroupOfBothDrivers has a member of each driver in one group. They share the
// partitions and hand them over, whoever came first and so assigns them.
func TestGroupOfBothDrivers(t *testing.T) {
	t.Parallel()
	const partitions, each = 6, 20
	for cluster, addr := range kafkatest.Clusters(t) {
		for first, second := range other {
			t.Run(cluster+"/"+first+" first", func(t *testing.T) {
				t.Parallel()
				drivers := both(t, addr)
				topic := kafkatest.Create(t, drivers["confluent"], partitions)
				published := 0
				more := func() {
					for id := range int32(partitions) {
						fill(t, drivers[first], driver.Partition{Topic: topic, ID: id}, published, each)
					}
					published += each
				}
				got := func(mates ...*mate) map[driver.Partition][]string {
					all := map[driver.Partition][]string{}
					for _, m := range mates {
						for p, values := range m.received {
							all[p] = append(all[p], values...)
						}
					}
					return all
				}
				total := func(mates ...*mate) (n int) {
					for _, values := range got(mates...) {
						n += len(values)
					}
					return n
				}

				more()
				a := joinMate(t, drivers[first], "group-"+topic, topic)
				until(t, "the first has all", []*mate{a}, func() bool { return total(a) == partitions*each })
				b := joinMate(t, drivers[second], "group-"+topic, topic)
				until(t, "both share", []*mate{a, b}, func() bool { return len(a.owned) == 3 && len(b.owned) == 3 })
				more()
				until(t, "both have all", []*mate{a, b}, func() bool { return total(a, b) == partitions*published })
				a.leave()
				until(t, "the second has all partitions", []*mate{b}, func() bool { return len(b.owned) == partitions })
				more()
				until(t, "the second has all", []*mate{b}, func() bool { return total(a, b) == partitions*published })
				c := joinMate(t, drivers[first], "group-"+topic, topic)
				until(t, "both share again", []*mate{b, c}, func() bool { return len(b.owned) == 3 && len(c.owned) == 3 })
				b.leave()
				until(t, "the third has all partitions", []*mate{c}, func() bool { return len(c.owned) == partitions })
				more()
				until(t, "the third has all", []*mate{c}, func() bool { return total(a, b, c) == partitions*published })
				for p, values := range got(a, b, c) {
					for i, value := range values {
						if value != fmt.Sprint(i) {
							t.Fatalf("record %d of partition %d is %q: lost, repeated, or out of order", i, p.ID, value)
						}
					}
				}
			})
		}
	}
}

// fill publishes numbers to a partition.
func fill(tb testing.TB, d driver.Driver, p driver.Partition, first, n int) {
	tb.Helper()
	outcomes := make(chan error, n)
	for _, value := range kafkatest.Numbers(first, n) {
		d.Publish(tb.Context(), &driver.Record{Topic: p.Topic, Partition: p.ID, Value: value},
			func(_ *driver.Record, err error) { outcomes <- err })
	}
	for range n {
		if err := <-outcomes; err != nil {
			tb.Fatalf("publish: %v", err)
		}
	}
}

// TestKeysOfBothDrivers publishes the same keys by both drivers: each goes to the
// same partition. Only without a key, which is not an empty one, any will do.
func TestKeysOfBothDrivers(t *testing.T) {
	t.Parallel()
	seed := mathrand.Uint64()
	t.Logf("seed %d", seed)
	random := mathrand.New(mathrand.NewPCG(seed, 0))
	keys := [][]byte{{}, {0}, []byte("a"), []byte("größe")}
	for range 300 {
		key := make([]byte, 1+random.IntN(40))
		for i := range key {
			key[i] = byte(random.Uint32())
		}
		keys = append(keys, key)
	}
	for name, addr := range kafkatest.Clusters(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			drivers := both(t, addr)
			for _, partitions := range []int32{1, 7, 12} {
				topic := kafkatest.Create(t, drivers["franz"], partitions)
				for _, key := range keys {
					f, c := placed(t, drivers["franz"], topic, key), placed(t, drivers["confluent"], topic, key)
					if f != c {
						t.Errorf("key %q goes to partition %d of %d by franz, to %d by confluent", key, f, partitions, c)
					}
				}
				for range 20 {
					if at := placed(t, drivers["confluent"], topic, nil); at < 0 || at >= partitions {
						t.Errorf("a record without a key went to partition %d of %d", at, partitions)
					}
				}
			}
		})
	}
}

func placed(tb testing.TB, d driver.Driver, topic string, key []byte) int32 {
	tb.Helper()
	r := &driver.Record{Topic: topic, Partition: -1, Key: key, Value: []byte(rand.Text())}
	if err := kafkatest.PublishOne(tb.Context(), d, r); err != nil {
		tb.Fatalf("publish: %v", err)
	}
	return r.Partition
}

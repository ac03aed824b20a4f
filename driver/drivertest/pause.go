package drivertest

import (
	"context"
	"slices"

	"github.com/asynccalls/asynccalls/driver"
)

func pauseCases() map[string]scenario {
	return map[string]scenario{
		"pause and resume a reader":           pauseReader,
		"pause hides records already fetched": pauseFetched,
		"pause replaces the set":              pauseReplaces,
		"pause holds nothing else up":         pauseAlone,
		"pause ends when revoked":             pauseEndsWithRevoke,
		"pause keeps no reference to the set": pauseSetCopied,
	}
}

func pauseReader(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	p := driver.Partition{Topic: topic}
	reader := f.read(ctx, p, 0)
	f.publish(ctx, numbered(topic, 0, 0, 20)...)
	f.checkNumbered(f.receive(ctx, reader, 1, 1), 0)
	reader.Pause([]driver.Partition{p})
	f.receiveNothing(ctx, reader)
	f.publish(ctx, numbered(topic, 0, 20, 10)...)
	f.receiveNothing(ctx, reader)
	reader.Pause(nil)
	f.checkNumbered(f.receive(ctx, reader, 29, 1), 1)
	reader.Pause([]driver.Partition{{Topic: topic, ID: 1}, {Topic: "other", ID: 0}})
	f.publish(ctx, numbered(topic, 0, 30, 1)...)
	f.checkNumbered(f.receive(ctx, reader, 1, 10), 30)
}

// partitions returns the first n partitions of a topic.
func partitions(topic string, n int32) []driver.Partition {
	all := make([]driver.Partition, n)
	for i := range all {
		all[i] = driver.Partition{Topic: topic, ID: int32(i)}
	}
	return all
}

// pauseFetched receives one record at a time, so that a client has fetched more
// than it has handed out when a partition is paused. The member checks that no
// record of it is received.
func pauseFetched(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 2)
	p := partitions(topic, 2)
	f.publish(ctx, numbered(topic, 0, 0, 200)...)
	party := f.party()
	m := party.join(ctx, topic)
	m.buffer = 1
	m.onReceive = func(records []driver.Record) {
		if records[0].Partition == 0 && len(m.from(p[0])) == 5 {
			m.pauseNow(p[0])
		}
	}
	m.start(ctx)
	party.wait(ctx, "some records received", m.has(5, p[0]))
	for i := range 20 {
		f.publish(ctx, numbered(topic, 1, i, 1)...)
		party.wait(ctx, "record beside received", m.has(i+1, p[1]))
	}
	if got := len(m.from(p[0])); got != 5 {
		f.Errorf("received %d records while paused", got-5)
	}
	m.pause(ctx)
	party.wait(ctx, "all received", m.has(200, p[0]))
	f.checkNumbered(m.from(p[0]), 0)
	f.checkNumbered(m.from(p[1]), 0)
}

func pauseReplaces(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 3)
	p := partitions(topic, 3)
	party := f.party()
	m := party.join(ctx, topic).start(ctx)
	party.wait(ctx, "all assigned", party.ownsAll(3, m))
	want := make([]int, 3) // records that must have been received
	next := 0
	for _, paused := range [][]int{{0, 1}, {1, 2}, {2}, {0, 1, 2}, {0}, {}} {
		set := []driver.Partition{}
		for _, id := range paused {
			set = append(set, p[id])
		}
		m.pause(ctx, set...)
		for id := range int32(3) {
			f.publish(ctx, numbered(topic, id, next, 5)...)
		}
		next += 5
		for id := range p {
			if !slices.Contains(paused, id) {
				want[id] = next
				party.wait(ctx, "what is not paused received", m.has(next, p[id]))
			}
		}
		for id := range p {
			if got := len(m.from(p[id])); got != want[id] {
				f.Errorf("paused %v: %d records of partition %d received, want %d", paused, got, id, want[id])
			}
		}
	}
	for id := range p {
		f.checkNumbered(m.from(p[id]), 0)
	}
}

func pauseAlone(ctx context.Context, f *fixture) {
	topic, other := f.topic(ctx, 1), f.topic(ctx, 1)
	p, q := driver.Partition{Topic: topic}, driver.Partition{Topic: other}
	party := f.party()
	m := party.join(ctx, topic, other).start(ctx)
	party.wait(ctx, "all assigned", party.ownsAll(2, m))
	m.pause(ctx, p)
	f.publish(ctx, numbered(topic, 0, 0, 1000)...)
	f.publish(ctx, numbered(other, 0, 0, 1000)...)
	party.wait(ctx, "the other received", m.has(1000, q))
	m.pause(ctx, q)
	party.wait(ctx, "the first received", m.has(1000, p))
	f.checkNumbered(m.from(p), 0)
	f.checkNumbered(m.from(q), 0)
}

// pauseEndsWithRevoke gives a paused partition away and gets it back.
func pauseEndsWithRevoke(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 2)
	p := partitions(topic, 2)
	party := f.party()
	first := party.join(ctx, topic).start(ctx)
	party.wait(ctx, "all assigned", party.ownsAll(2, first))
	first.pause(ctx, p...)
	second := party.join(ctx, topic).start(ctx)
	party.wait(ctx, "partitions shared", party.ownsAll(2, first, second))
	moved := party.ownedBy(second)[0]
	second.close(ctx)
	party.wait(ctx, "partitions back", party.ownsAll(2, first))
	f.publish(ctx, numbered(topic, moved.ID, 0, 10)...)
	party.wait(ctx, "records received", first.has(10, moved))
}

// pauseSetCopied changes the slice after Pause.
func pauseSetCopied(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	reader := f.read(ctx, driver.Partition{Topic: topic}, 0)
	f.publish(ctx, numbered(topic, 0, 0, 5)...)
	set := []driver.Partition{{Topic: topic}}
	reader.Pause(set)
	set[0].ID = 9
	f.receiveNothing(ctx, reader)
	reader.Pause([]driver.Partition{})
	f.checkNumbered(f.receive(ctx, reader, 5, 10), 0)
}

package drivertest

import (
	"context"
	"sync"

	"github.com/asynccalls/asynccalls/driver"
)

func commitCases() map[string]scenario {
	return map[string]scenario{
		"commit is where the next member starts":    commitResumes,
		"commit not made is received again":         commitMissing,
		"commit replaces, also by a lower offset":   commitLower,
		"commit of what is not assigned is refused": commitNotAssigned,
		"commit before Assigned returns is refused": commitTooEarly,
		"commit beside Receive":                     commitBesideReceive,
		"commit at the end receives nothing again":  commitEnd,
		"commit of one partition leaves the others": commitOne,
	}
}

// commit commits positions, which must succeed.
func (f *fixture) commit(ctx context.Context, m *member, positions ...driver.Position) {
	f.Helper()
	if err := m.Group.Commit(ctx, positions...); err != nil {
		f.Fatalf("commit %v: %v", positions, err)
	}
}

func at(p driver.Partition, offset int64) driver.Position {
	return driver.Position{Partition: p, Offset: offset, Epoch: -1, Meta: "meta"}
}

// started returns a topic with ten records in each of its partitions and a
// member that has received them.
func (f *fixture) started(ctx context.Context, count int32) (*party, *member, []driver.Partition) {
	f.Helper()
	topic := f.topic(ctx, count)
	for id := range count {
		f.publish(ctx, numbered(topic, id, 0, 10)...)
	}
	party := f.party()
	m := party.join(ctx, topic).start(ctx)
	party.wait(ctx, "all received", party.received(10*int(count), m))
	return party, m, partitions(topic, count)
}

// checkResume checks that a new member starts where the positions say.
func (f *fixture) checkResume(ctx context.Context, party *party, positions ...driver.Position) {
	f.Helper()
	m := party.join(ctx, positions[0].Topic).start(ctx)
	for _, position := range positions {
		f.publish(ctx, numbered(position.Topic, position.ID, 10, 1)...)
		party.wait(ctx, "records received", m.has(11-int(position.Offset), position.Partition))
	}
	for _, position := range positions {
		got := m.from(position.Partition)
		if len(got) != 11-int(position.Offset) {
			f.Errorf("%d records of partition %d received, want those from %d to 10",
				len(got), position.ID, position.Offset)
		}
		f.checkNumbered(got, int(position.Offset))
	}
}

func commitResumes(ctx context.Context, f *fixture) {
	party, m, p := f.started(ctx, 2)
	f.commit(ctx, m, at(p[0], 4), at(p[1], 9))
	m.close(ctx)
	f.checkResume(ctx, party, at(p[0], 4), at(p[1], 9))
}

func commitMissing(ctx context.Context, f *fixture) {
	party, m, p := f.started(ctx, 1)
	m.close(ctx)
	f.checkResume(ctx, party, at(p[0], 0))
}

func commitLower(ctx context.Context, f *fixture) {
	party, m, p := f.started(ctx, 1)
	for _, offset := range []int64{2, 8, 5, 3} {
		f.commit(ctx, m, at(p[0], offset))
	}
	m.close(ctx)
	f.checkResume(ctx, party, at(p[0], 3))
}

func commitOne(ctx context.Context, f *fixture) {
	party, m, p := f.started(ctx, 3)
	f.commit(ctx, m, at(p[0], 5))
	f.commit(ctx, m, at(p[1], 6))
	f.commit(ctx, m)
	m.close(ctx)
	f.checkResume(ctx, party, at(p[0], 5), at(p[1], 6), at(p[2], 0))
}

func commitEnd(ctx context.Context, f *fixture) {
	party, m, p := f.started(ctx, 1)
	f.commit(ctx, m, m.positions()...)
	m.close(ctx)
	f.checkResume(ctx, party, at(p[0], 10))
}

// commitNotAssigned commits partitions of another member, of a topic that is
// not subscribed, and that do not exist.
func commitNotAssigned(ctx context.Context, f *fixture) {
	party, first, p := f.started(ctx, 2)
	other := f.topic(ctx, 1)
	for _, alien := range []driver.Partition{{Topic: other}, {Topic: p[0].Topic, ID: 7}} {
		if err := first.Group.Commit(ctx, at(alien, 1)); err == nil {
			f.Errorf("commit of %v succeeded, want an error", alien)
		}
	}
	second := party.join(ctx, p[0].Topic).start(ctx)
	party.wait(ctx, "partitions shared", party.ownsAll(2, first, second))
	mine, theirs := party.ownedBy(first)[0], party.ownedBy(second)[0]
	if err := first.Group.Commit(ctx, at(theirs, 5), at(mine, 6)); err == nil {
		f.Errorf("commit of a partition of another member succeeded, want an error")
	}
	first.close(ctx)
	if err := first.Group.Commit(ctx, at(mine, 9)); err == nil {
		f.Errorf("commit after Close succeeded, want an error")
	}
	second.close(ctx)
	f.checkResume(ctx, party, at(mine, 6), at(theirs, 0))
}

// commitTooEarly commits a partition while the listener is told that it is
// assigned.
func commitTooEarly(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	p := partitions(topic, 1)
	published := f.publication()
	published.hand(ctx, numbered(topic, 0, 0, 10)...)
	published.wait(ctx)
	party := f.party()
	m := party.join(ctx, topic)
	m.onAssigned = func(added []driver.Partition) {
		for _, p := range added {
			if err := m.Group.Commit(ctx, at(p, 5)); err == nil {
				f.Errorf("commit within Assigned succeeded, want an error")
			}
		}
	}
	m.start(ctx)
	party.wait(ctx, "all assigned", party.ownsAll(1, m))
	m.close(ctx)
	f.checkResume(ctx, party, at(p[0], 0))
}

// commitBesideReceive commits from two goroutines while records are received.
func commitBesideReceive(ctx context.Context, f *fixture) {
	const n = 200
	topic := f.topic(ctx, 2)
	party := f.party()
	m := party.join(ctx, topic)
	m.buffer = 3
	m.start(ctx)
	party.wait(ctx, "all assigned", party.ownsAll(2, m))
	p := partitions(topic, 2)
	var others sync.WaitGroup
	for id := range int32(2) {
		others.Go(func() {
			for i := range int64(50) {
				if err := m.Group.Commit(ctx, at(p[id], i)); err != nil {
					f.Errorf("commit beside Receive: %v", err)
				}
			}
		})
		published := f.publication()
		others.Go(func() { published.hand(ctx, numbered(topic, id, 0, n)...) })
	}
	others.Wait()
	party.wait(ctx, "all received", party.received(2*n, m))
	for _, p := range p {
		f.checkNumbered(m.from(p), 0)
	}
	m.close(ctx)
	next := party.join(ctx, topic).start(ctx)
	party.wait(ctx, "the rest received", party.received(2*(n-49), next))
	for _, p := range p {
		f.checkNumbered(next.from(p), 49)
	}
}

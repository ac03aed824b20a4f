package drivertest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/asynccalls/asynccalls/driver"
)

func groupCases() map[string]scenario {
	return map[string]scenario{
		"group starts at the beginning":            groupFromBeginning,
		"group of a missing topic":                 groupMissingTopic,
		"group of several topics":                  groupSeveralTopics,
		"groups are independent":                   groupsIndependent,
		"group members share partitions":           groupShares,
		"group member without partitions":          groupIdleMember,
		"group calls its listener within Receive":  groupListener,
		"group waits for Revoked":                  groupRevokedWaits,
		"group moves partitions and loses nothing": groupChurn,
		"group assigns again":                      groupAssignsAgain,
		"group hands over at once on Close":        groupCloseHandsOver,
		"group receives what comes later":          groupLater,
	}
}

func groupFromBeginning(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 2)
	f.publish(ctx, numbered(topic, 0, 0, 50)...)
	f.publish(ctx, numbered(topic, 1, 0, 50)...)
	party := f.party()
	m := party.join(ctx, topic).start(ctx)
	party.wait(ctx, "all received", party.received(100, m))
	for _, p := range partitions(topic, 2) {
		f.checkNumbered(m.from(p), 0)
	}
}

func groupMissingTopic(ctx context.Context, f *fixture) {
	topic, missing := f.topic(ctx, 1), f.name("missing")
	for _, topics := range [][]string{{missing}, {topic, missing}} {
		_, err := f.driver.Join(ctx, f.name("group"), topics, f.party().stranger())
		if !errors.Is(err, driver.ErrNoTopic) {
			f.Errorf("join with a missing topic: error %v, want ErrNoTopic", err)
		}
	}
	f.checkTopics(ctx, nil, missing)
}

// stranger returns a listener that must not be called.
func (p *party) stranger() driver.Listener { return &member{party: p} }

func groupSeveralTopics(ctx context.Context, f *fixture) {
	one, two, three := f.topic(ctx, 1), f.topic(ctx, 2), f.topic(ctx, 3)
	party := f.party()
	m := party.join(ctx, one, three).start(ctx)
	for id := range int32(3) {
		f.publish(ctx, numbered(three, id, 0, 10)...)
	}
	f.publish(ctx, numbered(two, 0, 0, 10)...)
	f.publish(ctx, numbered(one, 0, 0, 10)...)
	party.wait(ctx, "all received", party.received(40, m))
	f.checkNumbered(m.from(driver.Partition{Topic: one}), 0)
	for _, p := range partitions(three, 3) {
		f.checkNumbered(m.from(p), 0)
	}
}

func groupsIndependent(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	f.publish(ctx, numbered(topic, 0, 0, 20)...)
	for range 2 {
		party := f.party()
		m := party.join(ctx, topic).start(ctx)
		party.wait(ctx, "all received", party.received(20, m))
		f.checkNumbered(m.from(driver.Partition{Topic: topic}), 0)
		f.commit(ctx, m, m.positions()...)
	}
}

func groupShares(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 6)
	party := f.party()
	members := []*member{}
	for range 3 {
		members = append(members, party.join(ctx, topic).start(ctx))
	}
	party.wait(ctx, "partitions shared", party.ownsAll(6, members...))
	for id := range int32(6) {
		f.publish(ctx, numbered(topic, id, 0, 20)...)
	}
	party.wait(ctx, "all received", party.received(120, members...))
	for _, p := range partitions(topic, 6) {
		var got []driver.Record
		for _, m := range members {
			got = append(got, m.from(p)...)
		}
		if party.losses == 0 && len(got) != 20 {
			f.Errorf("%d records of partition %d received, want 20", len(got), p.ID)
		}
		f.checkNumbered(got, 0)
	}
}

func groupIdleMember(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	party := f.party()
	first := party.join(ctx, topic).start(ctx)
	second := party.join(ctx, topic).start(ctx)
	party.wait(ctx, "both told", func() bool {
		return first.assigned > 0 && second.assigned > 0 && len(first.owned)+len(second.owned) == 1
	})
	f.publish(ctx, numbered(topic, 0, 0, 5)...)
	party.wait(ctx, "all received", party.received(5, first, second))
}

// groupListener leaves to the members to check that no call comes outside of
// Receive.
func groupListener(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 2)
	party := f.party()
	first := party.join(ctx, topic)
	f.publish(ctx, numbered(topic, 0, 0, 5)...)
	short, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
	defer cancel()
	if party.await(short, func() bool { return first.assigned+first.revoked+first.lost > 0 }) == nil {
		f.Errorf("the listener was called before Receive")
	}
	first.start(ctx)
	party.wait(ctx, "all received", party.received(5, first))
	first.close(ctx)
	calls := first.assigned + first.revoked + first.lost
	if n, err := first.Group.Receive(ctx, make([]driver.Record, 1)); n != 0 || err == nil {
		f.Errorf("receive returned %d records and error %v after Close", n, err)
	}
	if again := first.assigned + first.revoked + first.lost; again != calls {
		f.Errorf("the listener was called after Close")
	}
}

// groupRevokedWaits holds Revoked up. The party checks that nobody else is
// assigned the partition meanwhile.
func groupRevokedWaits(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 2)
	for id := range int32(2) {
		f.publish(ctx, numbered(topic, id, 0, 10)...)
	}
	party := f.party()
	first := party.join(ctx, topic)
	var second *member
	first.onRevoked = func(ctx context.Context, revoked []driver.Partition) {
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		_ = party.await(short, func() bool { return second != nil && len(second.owned) == 2 })
		positions := []driver.Position{}
		for _, p := range revoked {
			positions = append(positions, driver.Position{Partition: p, Offset: 7, Epoch: -1})
		}
		if err := first.Group.Commit(ctx, positions...); err != nil {
			f.Errorf("commit within Revoked: %v", err)
		}
	}
	first.start(ctx)
	party.wait(ctx, "all received", party.received(20, first))
	joined := party.join(ctx, topic)
	party.update(func() { second = joined })
	second.start(ctx)
	party.wait(ctx, "partitions shared", party.ownsAll(2, first, second))
	moved := party.ownedBy(second)[0]
	party.wait(ctx, "the rest received", second.has(3, moved))
	f.checkNumbered(second.from(moved), 7)
}

// groupChurn lets members come and go while records are published. Each commits
// what it received whenever it gives partitions up, so each record is received
// once, and in order.
func groupChurn(ctx context.Context, f *fixture) {
	const count, n = 4, 100
	topic := f.topic(ctx, count)
	party := f.party()
	join := func() *member {
		m := party.join(ctx, topic)
		m.onRevoked = func(ctx context.Context, revoked []driver.Partition) {
			if positions := m.positions(revoked...); len(positions) > 0 {
				if err := m.Group.Commit(ctx, positions...); err != nil {
					f.Errorf("commit within Revoked: %v", err)
				}
			}
		}
		return m.start(ctx)
	}
	published := 0
	more := func() {
		for id := range int32(count) {
			f.publish(ctx, numbered(topic, id, published, n)...)
		}
		published += n
	}
	leave := func(m *member) {
		m.do(ctx, func() {
			if positions := m.positions(); len(positions) > 0 {
				if err := m.Group.Commit(ctx, positions...); err != nil {
					f.Errorf("commit before Close: %v", err)
				}
			}
			m.leave()
		})
	}

	first := join()
	more()
	second := join()
	more()
	party.wait(ctx, "partitions shared by two", party.ownsAll(count, first, second))
	more()
	third := join()
	party.wait(ctx, "partitions shared by three", party.ownsAll(count, first, second, third))
	more()
	leave(first)
	more()
	party.wait(ctx, "partitions shared by the others", party.ownsAll(count, second, third))
	leave(second)
	more()
	party.wait(ctx, "all received", party.everything(topic, count, published))
	if total := party.total(); party.losses == 0 && total != count*published {
		f.Errorf("%d records received, want %d", total, count*published)
	}
}

// groupAssignsAgain gives a partition back to the member that had it before.
func groupAssignsAgain(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 2)
	for id := range int32(2) {
		f.publish(ctx, numbered(topic, id, 0, 5)...)
	}
	party := f.party()
	first := party.join(ctx, topic).start(ctx)
	party.wait(ctx, "all received", party.received(10, first))
	f.commit(ctx, first, first.positions()...)
	for i := range 2 {
		second := party.join(ctx, topic).start(ctx)
		party.wait(ctx, "partitions shared", party.ownsAll(2, first, second))
		second.close(ctx)
		party.wait(ctx, "partitions back", party.ownsAll(2, first))
		for id := range int32(2) {
			f.publish(ctx, numbered(topic, id, 5+i, 1)...)
		}
		f.waitForLast(ctx, party, first, topic, 5+i)
	}
}

// waitForLast waits until the member has received the record with the number in
// both partitions of a topic.
func (f *fixture) waitForLast(ctx context.Context, party *party, m *member, topic string, number int) {
	f.Helper()
	party.wait(ctx, "new records received", func() bool {
		for _, p := range partitions(topic, 2) {
			records := m.filter(p)
			if len(records) == 0 || string(records[len(records)-1].Value) != fmt.Sprint(number) {
				return false
			}
		}
		return true
	})
}

func groupCloseHandsOver(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 2)
	party := f.party()
	first := party.join(ctx, topic).start(ctx)
	party.wait(ctx, "all assigned", party.ownsAll(2, first))
	second := party.join(ctx, topic).start(ctx)
	party.wait(ctx, "partitions shared", party.ownsAll(2, first, second))
	first.close(ctx)
	// Shorter than the time after which a broker gives a silent member up.
	short, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	party.wait(short, "partitions handed over", party.ownsAll(2, second))
	if err := first.Group.Close(); err != nil {
		f.Errorf("close once more: %v", err)
	}
}

func groupLater(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 3)
	party := f.party()
	m := party.join(ctx, topic).start(ctx)
	party.wait(ctx, "all assigned", party.ownsAll(3, m))
	for i := range 20 {
		f.publish(ctx, numbered(topic, int32(i%3), i/3, 1)...)
		party.wait(ctx, "record received", party.received(i+1, m))
	}
	for _, p := range partitions(topic, 3) {
		f.checkNumbered(m.from(p), 0)
	}
}

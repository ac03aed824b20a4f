package drivertest

import (
	"context"
	"fmt"

	"github.com/asynccalls/asynccalls/driver"
)

func lossCases() map[string]scenario {
	return map[string]scenario{
		"lost beyond the end":                      lostBeyondEnd,
		"lost by deleted records":                  lostDeletedRecords,
		"lost by deleted records while receiving":  lostDeletedBehind,
		"lost by deleted records of a group":       lostDeletedGroup,
		"lost by a topic created again":            lostRecreated,
		"lost by a topic of a group created again": lostRecreatedGroup,
	}
}

// lostBeyondEnd accepts each offset to go on at that is within the log.
func lostBeyondEnd(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	p := driver.Partition{Topic: topic}
	f.publish(ctx, numbered(topic, 0, 0, 5)...)
	reader := f.read(ctx, p, 105)
	lost := f.receiveLost(ctx, reader)
	if lost.Partition != p || lost.From != 105 || lost.To < 0 || lost.To > 5 {
		f.Fatalf("lost %+v, want From 105 and To 0 to 5", lost)
	}
	f.publish(ctx, numbered(topic, 0, 5, 5)...)
	got := f.receive(ctx, reader, 10-int(lost.To), 100)
	f.checkNumbered(got, int(lost.To))
}

func (f *fixture) deleteRecords(ctx context.Context, p driver.Partition, before int64) {
	f.Helper()
	if f.config.DeleteRecords == nil {
		f.Skip("records can't be deleted")
	}
	if err := f.config.DeleteRecords(ctx, f.driver, p, before); err != nil {
		f.Fatalf("delete records of %v before %d: %v", p, before, err)
	}
}

func lostDeletedRecords(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	p := driver.Partition{Topic: topic}
	f.publish(ctx, numbered(topic, 0, 0, 10)...)
	f.deleteRecords(ctx, p, 6)
	reader := f.read(ctx, p, 2)
	if lost := *f.receiveLost(ctx, reader); lost != (driver.LostError{Partition: p, From: 2, To: 6}) {
		f.Errorf("lost %+v, want From 2 and To 6", lost)
	}
	f.checkNumbered(f.receive(ctx, reader, 4, 10), 6)
	f.publish(ctx, numbered(topic, 0, 10, 5)...)
	f.checkNumbered(f.receive(ctx, reader, 5, 10), 10)

	f.checkNumbered(f.receive(ctx, f.read(ctx, p, 6), 9, 10), 6)
}

// lostDeletedBehind deletes what was received: nothing is lost by that.
func lostDeletedBehind(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	p := driver.Partition{Topic: topic}
	reader := f.read(ctx, p, 0)
	for i := range 4 {
		f.publish(ctx, numbered(topic, 0, 5*i, 5)...)
		f.checkNumbered(f.receive(ctx, reader, 5, 10), 5*i)
		f.deleteRecords(ctx, p, int64(5*i+5))
	}
}

func lostDeletedGroup(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	p := driver.Partition{Topic: topic}
	f.publish(ctx, numbered(topic, 0, 0, 10)...)
	party := f.party()
	first := party.join(ctx, topic).start(ctx)
	party.wait(ctx, "all received", party.received(10, first))
	f.commit(ctx, first, driver.Position{Partition: p, Offset: 3, Epoch: -1})
	first.close(ctx)
	f.deleteRecords(ctx, p, 6)

	second := party.join(ctx, topic).start(ctx)
	party.wait(ctx, "the rest received", party.received(4, second))
	f.checkNumbered(second.from(p), 6)
	if len(second.lostRanges) != 1 || *second.lostRanges[0] != (driver.LostError{Partition: p, From: 3, To: 6}) {
		f.Errorf("lost %v, want one range from 3 to 6", second.lostRanges)
	}
}

func lostRecreated(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	p := driver.Partition{Topic: topic}
	reader := f.read(ctx, p, 0)
	f.publish(ctx, numbered(topic, 0, 0, 5)...)
	f.checkNumbered(f.receive(ctx, reader, 5, 10), 0)
	f.recreate(ctx, topic)
	if lost := *f.receiveLost(ctx, reader); lost != (driver.LostError{Partition: p, From: 5, To: 0}) {
		f.Errorf("lost %+v, want From 5 and To 0", lost)
	}
	f.checkNumbered(f.receive(ctx, reader, 10, 10), 100)
}

// lostRecreatedGroup leaves to the member to check that offsets go back only
// when that was reported, or the partition assigned anew.
func lostRecreatedGroup(ctx context.Context, f *fixture) {
	party, m, p := f.started(ctx, 1)
	f.commit(ctx, m, at(p[0], 10))
	f.recreate(ctx, p[0].Topic)
	party.wait(ctx, "the new records received", party.received(20, m))
	f.checkNumbered(m.from(p[0])[10:], 100)
}

// recreate deletes a topic, creates it again with one partition, and publishes
// ten records to it, numbered from 100.
func (f *fixture) recreate(ctx context.Context, topic string) {
	f.Helper()
	if f.config.DeleteTopic == nil {
		f.Skip("topics can't be deleted")
	}
	if err := f.config.DeleteTopic(ctx, f.driver, topic); err != nil {
		f.Fatalf("delete topic: %v", err)
	}
	f.eventually(ctx, "topic is deleted", func() error {
		topics, err := f.driver.Topics(ctx, topic)
		if err == nil && len(topics) > 0 {
			err = fmt.Errorf("topic is still there: %w", errUnexpected)
		}
		return err
	})
	for i := range 10 {
		f.eventually(ctx, "topic is created again, and takes records", func() error {
			if err := f.driver.Create(ctx, driver.Topic{Name: topic, Partitions: 1}); err != nil {
				return err
			}
			return f.try(ctx, numbered(topic, 0, 100+i, 1)...)[0].err
		})
	}
}

package drivertest

import (
	"context"

	"github.com/asynccalls/asynccalls/driver"
)

// positioner is what a reader of one partition may have, see [driver.Reader].
type positioner interface{ Position() int64 }

// readPosition checks the position of readers that tell it. One that does not
// is a reader, too.
func readPosition(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 2)
	empty := driver.Partition{Topic: topic, ID: 1}
	f.checkPosition(f.read(ctx, empty, -1), "at the end of an empty partition", 0)
	f.checkPosition(f.read(ctx, empty, 0), "at the start of an empty partition", 0)

	f.publish(ctx, numbered(topic, 0, 0, 20)...)
	partition := driver.Partition{Topic: topic}
	for offset, want := range map[int64]int64{-1: 20, 0: 0, 7: 7, 20: 20} {
		f.checkPosition(f.read(ctx, partition, offset), "when Read has returned", want)
	}

	reader := f.read(ctx, partition, 5)
	buf := make([]driver.Record, 4)
	for next := 5; next < 20; {
		n, err := reader.Receive(ctx, buf)
		if err != nil {
			f.Fatalf("receive: %v", err)
		}
		f.checkNumbered(buf[:n], next)
		next += n
		f.checkPosition(reader, "behind what was received", int64(next))
	}
	f.receiveNothing(ctx, reader)
	f.checkPosition(reader, "when Receive has waited", 20)
	f.publish(ctx, numbered(topic, 0, 20, 1)...)
	f.checkPosition(reader, "in front of a new record", 20)

	if f.config.DeleteRecords == nil {
		return
	}
	if err := f.config.DeleteRecords(ctx, f.driver, partition, 21); err != nil {
		f.Fatalf("delete records: %v", err)
	}
	f.checkPosition(f.read(ctx, partition, -1), "at the end of a partition whose records are gone", 21)
	reader = f.read(ctx, partition, 0)
	f.receiveLost(ctx, reader)
	f.checkPosition(reader, "behind records that are gone", 21)
}

func (f *fixture) checkPosition(r driver.Reader, where string, want int64) {
	f.Helper()
	p, ok := r.(positioner)
	if !ok {
		return
	}
	if got := p.Position(); got != want {
		f.Errorf("position %s is %d, want %d", where, got, want)
	}
}

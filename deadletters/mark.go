package deadletters

import (
	"context"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// marks is what is known of the letters of a partition that were replayed.
type marks struct {
	count int   // how often
	to    Place // where to, the last time
}

// readMarks collects the marks of a section, by the offsets of their letters.
func readMarks(ctx context.Context, d driver.Driver, s section) (map[int64]marks, error) {
	all := map[int64]marks{}
	err := scan(ctx, d, s, func(r *driver.Record) bool {
		if m, ok := markOf(r); ok && m.Partition == r.Partition && m.Offset < r.Offset {
			to := Place{m.ToTopic, m.ToPartition, m.ToOffset}
			all[m.Offset] = marks{all[m.Offset].count + 1, to}
		}
		return true
	})
	return all, err
}

// markOf reads a mark, if the record is one. A dead letter is none, whatever
// headers the message had.
func markOf(r *driver.Record) (wire.Replayed, bool) {
	value, ok := last(r.Headers, wire.HeaderReplayed)
	if !ok {
		return wire.Replayed{}, false
	}
	if _, dead := last(r.Headers, wire.HeaderDead); dead {
		return wire.Replayed{}, false
	}
	m, err := wire.DecodeReplayed(value)
	return m, err == nil
}

// newMark returns the mark of a letter that was put back.
func newMark(l *Letter, to Place) *driver.Record {
	m := wire.Replayed{
		Partition: l.At.Partition, Offset: l.At.Offset,
		ToTopic: to.Topic, ToPartition: to.Partition, ToOffset: to.Offset,
	}
	return &driver.Record{
		Topic:     l.At.Topic,
		Partition: l.At.Partition,
		Headers:   []driver.Header{{Key: wire.HeaderReplayed, Value: wire.AppendReplayed(nil, &m)}},
	}
}

package deadletters

import (
	"context"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// A mark says of a dead letter of its partition what was done with it.
type mark struct {
	partition int32 // of the letter
	offset    int64
	drop      bool  // it was dropped, else put back
	to        Place // where it was put back to
}

// marks is what is known of a letter that has marks.
type marks struct {
	count   int   // how often it was put back
	to      Place // where to, the last time
	dropped bool  // and not put back since
}

// readMarks collects the marks of a section, by the offsets of their letters.
func readMarks(ctx context.Context, d driver.Driver, s section) (map[int64]marks, error) {
	all := map[int64]marks{}
	err := scan(ctx, d, s, func(r *driver.Record) bool {
		m, ok := markOf(r)
		if !ok || m.partition != r.Partition || m.offset >= r.Offset {
			return true
		}
		known := all[m.offset]
		known.dropped = m.drop
		if !m.drop {
			known.count, known.to = known.count+1, m.to
		}
		all[m.offset] = known
		return true
	})
	return all, err
}

// markOf reads a mark, if the record is one. A dead letter is none, whatever
// headers the message had.
func markOf(r *driver.Record) (mark, bool) {
	if _, dead := last(r.Headers, wire.HeaderDead); dead {
		return mark{}, false
	}
	if value, ok := last(r.Headers, wire.HeaderReplayed); ok {
		m, err := wire.DecodeReplayed(value)
		return mark{m.Partition, m.Offset, false, Place{m.ToTopic, m.ToPartition, m.ToOffset}}, err == nil
	}
	if value, ok := last(r.Headers, wire.HeaderDropped); ok {
		m, err := wire.DecodeDropped(value)
		return mark{partition: m.Partition, offset: m.Offset, drop: true}, err == nil
	}
	return mark{}, false
}

// replayedMark returns the mark of a letter that was put back.
func replayedMark(l *Letter, to Place) *driver.Record {
	m := wire.Replayed{
		Partition: l.At.Partition, Offset: l.At.Offset,
		ToTopic: to.Topic, ToPartition: to.Partition, ToOffset: to.Offset,
	}
	return newMark(l, wire.HeaderReplayed, wire.AppendReplayed(nil, &m))
}

// droppedMark returns the mark of a letter that was dropped.
func droppedMark(l *Letter) *driver.Record {
	m := wire.Dropped{Partition: l.At.Partition, Offset: l.At.Offset}
	return newMark(l, wire.HeaderDropped, wire.AppendDropped(nil, &m))
}

func newMark(l *Letter, header string, value []byte) *driver.Record {
	return &driver.Record{
		Topic:     l.At.Topic,
		Partition: l.At.Partition,
		Headers:   []driver.Header{{Key: header, Value: value}},
	}
}

//go:build unix

package prove

import (
	"context"
	"strings"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/checker"
)

// recorder is the connection of an instance to the broker. It writes down what
// passes.
type recorder struct {
	driver.Driver
	journal *journal
}

// Publish implements [driver.Publisher]. A record is written down before it is
// handed over, as the instance may die at any time after that.
func (r *recorder) Publish(ctx context.Context, record *driver.Record, done func(*driver.Record, error)) {
	e := identify(record)
	e.Kind, e.Digest = checker.Original, digest(record.Key, record.Value, record.Headers)
	switch {
	case strings.HasSuffix(record.Topic, ".responses"):
		// Who gets the end of a run well must get what was handed over before it.
		e.Topic, e.Partition, e.Offset = record.Topic, -1, -1
		r.journal.add(e)
	case strings.HasSuffix(record.Topic, ".requests"):
		r.journal.add(e)
	}
	r.Driver.Publish(ctx, record, done)
}

// Join implements [driver.Driver].
func (r *recorder) Join(ctx context.Context, group string, topics []string, l driver.Listener) (driver.Group, error) {
	g, err := r.Driver.Join(ctx, group, topics, &recordedListener{l, r.journal})
	if err != nil {
		return nil, err
	}
	return &recordedGroup{g, r.journal}, nil
}

// recordedGroup is one member of a group.
type recordedGroup struct {
	driver.Group
	journal *journal
}

// Receive implements [driver.Reader].
func (g *recordedGroup) Receive(ctx context.Context, buf []driver.Record) (int, error) {
	n, err := g.Group.Receive(ctx, buf)
	for i := range buf[:n] {
		e := identify(&buf[i])
		if e.Run != "" {
			e.Request, e.Run, e.Seq = "", "", 0 // a record of its own, see checker.HandlerStart
		}
		e.Kind, e.Topic, e.Partition, e.Offset = checker.Delivered, buf[i].Topic, buf[i].Partition, buf[i].Offset
		g.journal.add(e)
	}
	return n, err
}

// Commit implements [driver.Group]. The time of a commit is that before it is
// sent: the group takes it only as long as the instance has the partition, while
// the instance may learn of that at any time later.
func (g *recordedGroup) Commit(ctx context.Context, positions ...driver.Position) error {
	at := time.Now()
	err := g.Group.Commit(ctx, positions...)
	if err != nil {
		return err
	}
	for _, p := range positions {
		g.journal.add(checker.Event{
			At: at, Kind: checker.Commit, Topic: p.Topic, Partition: p.ID, Offset: p.Offset,
		})
	}
	return nil
}

// recordedListener is told of the partitions of a member.
type recordedListener struct {
	driver.Listener
	journal *journal
}

func (l *recordedListener) note(k checker.Kind, partitions []driver.Partition) {
	for _, p := range partitions {
		l.journal.add(checker.Event{Kind: k, Topic: p.Topic, Partition: p.ID})
	}
}

// Assigned implements [driver.Listener].
func (l *recordedListener) Assigned(partitions []driver.Partition) {
	l.journal.add(checker.Event{Kind: joined})
	l.note(checker.Assigned, partitions)
	l.Listener.Assigned(partitions)
}

// Revoked implements [driver.Listener].
func (l *recordedListener) Revoked(ctx context.Context, partitions []driver.Partition) {
	l.Listener.Revoked(ctx, partitions)
	l.note(checker.Revoked, partitions)
}

// Lost implements [driver.Listener].
func (l *recordedListener) Lost(partitions []driver.Partition) {
	l.note(checker.Lost, partitions)
	l.Listener.Lost(partitions)
}

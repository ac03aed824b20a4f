package asynccallstest

import (
	"context"
	"errors"
	"strings"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/chance"
)

// tenant gives a test topics and groups of its own on a broker that others use as
// well: their names have a prefix that the services do not see.
type tenant struct {
	driver.Driver
	prefix string
}

func newTenant(d driver.Driver) *tenant {
	return &tenant{d, "test-" + chance.Word("tenant", 11) + "-"}
}

// Publish implements [driver.Publisher].
func (t *tenant) Publish(ctx context.Context, r *driver.Record, done func(*driver.Record, error)) {
	r.Topic = t.prefix + r.Topic
	t.Driver.Publish(ctx, r, func(r *driver.Record, err error) {
		r.Topic = strings.TrimPrefix(r.Topic, t.prefix)
		done(r, err)
	})
}

// Topics implements [driver.Admin].
func (t *tenant) Topics(ctx context.Context, names ...string) ([]driver.Topic, error) {
	inside := make([]string, len(names))
	for i, name := range names {
		inside[i] = t.prefix + name
	}
	topics, err := t.Driver.Topics(ctx, inside...)
	for i := range topics {
		topics[i].Name = strings.TrimPrefix(topics[i].Name, t.prefix)
	}
	return topics, err
}

// Create implements [driver.Admin].
func (t *tenant) Create(ctx context.Context, topics ...driver.Topic) error {
	inside := make([]driver.Topic, len(topics))
	for i, topic := range topics {
		inside[i] = topic
		inside[i].Name = t.prefix + topic.Name
	}
	return t.Driver.Create(ctx, inside...)
}

// Read implements [driver.Driver].
func (t *tenant) Read(ctx context.Context, p driver.Partition, offset int64) (driver.Reader, error) {
	p.Topic = t.prefix + p.Topic
	r, err := t.Driver.Read(ctx, p, offset)
	if err != nil {
		return nil, err
	}
	return &tenantReader{r, t}, nil
}

// Join implements [driver.Driver].
func (t *tenant) Join(ctx context.Context, group string, topics []string, l driver.Listener) (driver.Group, error) {
	inside := make([]string, len(topics))
	for i, topic := range topics {
		inside[i] = t.prefix + topic
	}
	g, err := t.Driver.Join(ctx, t.prefix+group, inside, &tenantListener{l, t})
	if err != nil {
		return nil, err
	}
	return &tenantGroup{tenantReader{g, t}, g}, nil
}

// enter and leave translate the names of partitions.
func (t *tenant) enter(partitions []driver.Partition) []driver.Partition {
	inside := make([]driver.Partition, len(partitions))
	for i, p := range partitions {
		inside[i] = driver.Partition{Topic: t.prefix + p.Topic, ID: p.ID}
	}
	return inside
}

func (t *tenant) leave(partitions []driver.Partition) []driver.Partition {
	outside := make([]driver.Partition, len(partitions))
	for i, p := range partitions {
		outside[i] = driver.Partition{Topic: strings.TrimPrefix(p.Topic, t.prefix), ID: p.ID}
	}
	return outside
}

type tenantReader struct {
	driver.Reader
	t *tenant
}

// Receive implements [driver.Reader].
func (r *tenantReader) Receive(ctx context.Context, buf []driver.Record) (int, error) {
	n, err := r.Reader.Receive(ctx, buf)
	for i := range buf[:n] {
		buf[i].Topic = strings.TrimPrefix(buf[i].Topic, r.t.prefix)
	}
	if lost, ok := errors.AsType[*driver.LostError](err); ok {
		outside := *lost
		outside.Topic = strings.TrimPrefix(lost.Topic, r.t.prefix)
		err = &outside
	}
	return n, err
}

// Pause implements [driver.Reader].
func (r *tenantReader) Pause(all []driver.Partition) { r.Reader.Pause(r.t.enter(all)) }

type tenantGroup struct {
	tenantReader
	g driver.Group
}

// Commit implements [driver.Group].
func (g *tenantGroup) Commit(ctx context.Context, positions ...driver.Position) error {
	inside := make([]driver.Position, len(positions))
	for i, p := range positions {
		inside[i] = p
		inside[i].Topic = g.t.prefix + p.Topic
	}
	return g.g.Commit(ctx, inside...)
}

// lagging is a group that tells its lag, see [driver.Group].
type lagging interface {
	Lag(ctx context.Context) (map[driver.Partition]int64, error)
}

var errNoLag = errors.New("the driver does not tell the lag of groups")

// Lag tells what [driver.Group] says.
func (g *tenantGroup) Lag(ctx context.Context) (map[driver.Partition]int64, error) {
	m, ok := g.g.(lagging)
	if !ok {
		return nil, errNoLag
	}
	inside, err := m.Lag(ctx)
	if err != nil {
		return nil, err
	}
	outside := make(map[driver.Partition]int64, len(inside))
	for p, n := range inside {
		outside[driver.Partition{Topic: strings.TrimPrefix(p.Topic, g.t.prefix), ID: p.ID}] = n
	}
	return outside, nil
}

type tenantListener struct {
	l driver.Listener
	t *tenant
}

// Assigned implements [driver.Listener].
func (l *tenantListener) Assigned(all []driver.Partition) { l.l.Assigned(l.t.leave(all)) }

// Revoked implements [driver.Listener].
func (l *tenantListener) Revoked(ctx context.Context, all []driver.Partition) {
	l.l.Revoked(ctx, l.t.leave(all))
}

// Lost implements [driver.Listener].
func (l *tenantListener) Lost(all []driver.Partition) { l.l.Lost(l.t.leave(all)) }

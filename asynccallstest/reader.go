package asynccallstest

import (
	"context"
	"slices"
	"strings"

	"github.com/asynccalls/asynccalls/driver"
)

// reader is a reader of one partition: the reply lane of a caller. In a staged world
// it is an event that a response gets there.
type reader struct {
	driver.Reader
	c *conn
}

// Read implements [driver.Driver].
func (c *conn) Read(ctx context.Context, p driver.Partition, offset int64) (driver.Reader, error) {
	if c.isDead() {
		return nil, errCrashed
	}
	r, err := c.Driver.Read(ctx, p, offset)
	if err != nil {
		return nil, err
	}
	if at, ok := r.(interface{ Position() int64 }); ok {
		return &positioned{reader{r, c}, at}, nil
	}
	return &reader{r, c}, nil
}

// positioned is a reader that knows the offset of the next record, see
// [driver.Reader].
type positioned struct {
	reader
	at interface{ Position() int64 }
}

// Position returns it.
func (p *positioned) Position() int64 { return p.at.Position() }

// Receive implements [driver.Reader].
func (r *reader) Receive(ctx context.Context, buf []driver.Record) (int, error) {
	if !r.c.w.staged {
		n, err := r.Reader.Receive(ctx, buf)
		return r.c.alive(n, err)
	}
	n, err := r.Reader.Receive(ctx, buf[:1])
	if n > 0 {
		err = r.c.park(ctx, receiving, r.c.name()+": receives "+r.c.w.sight(&buf[0]).String())
	}
	return r.c.alive(n, err)
}

// alive passes on what was received, unless the process has crashed: then nothing
// is received any more.
func (c *conn) alive(n int, err error) (int, error) {
	if c.isDead() {
		return 0, errCrashed
	}
	return n, err
}

// group is the member of a group that a connection has.
type group struct {
	c        *conn
	join     func(context.Context) (driver.Group, error)
	listener driver.Listener

	// world.mu guards the following.
	member   driver.Group
	assigned []driver.Partition
	again    bool               // what was not committed is to be delivered again
	cancel   context.CancelFunc // ends the Receive of the moment
}

var (
	_ driver.Group    = (*group)(nil)
	_ driver.Listener = (*group)(nil)
)

// Join implements [driver.Driver].
func (c *conn) Join(ctx context.Context, name string, topics []string, l driver.Listener) (driver.Group, error) {
	if c.isDead() {
		return nil, errCrashed
	}
	c.w.mu.Lock()
	c.learn(strings.TrimPrefix(name, c.w.prefix))
	c.w.mu.Unlock()
	g := &group{c: c, listener: l, cancel: func() {}}
	g.join = func(ctx context.Context) (driver.Group, error) { return c.Driver.Join(ctx, name, topics, g) }
	m, err := g.join(ctx)
	if err != nil {
		return nil, err
	}
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	g.member = m
	c.group = g
	return g, nil
}

// Receive implements [driver.Reader].
func (g *group) Receive(ctx context.Context, buf []driver.Record) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g.c.w.mu.Lock()
	g.cancel = cancel
	m, again, lost := g.member, g.again, slices.Clone(g.assigned)
	g.again = false
	g.c.w.mu.Unlock()
	if again {
		if err := g.rejoin(ctx, m, lost); err != nil {
			return g.c.alive(0, err)
		}
		return 0, context.Canceled // the caller pauses anew
	}
	n, err := m.Receive(ctx, buf)
	return g.c.alive(n, err)
}

// rejoin leaves the group and joins it again, as a member does that has missed how
// its partitions were given to another.
func (g *group) rejoin(ctx context.Context, m driver.Group, lost []driver.Partition) error {
	g.Lost(lost)
	if err := m.Close(); err != nil {
		return err
	}
	m, err := g.join(ctx)
	if err != nil {
		return err
	}
	g.c.w.mu.Lock()
	defer g.c.w.mu.Unlock()
	g.member = m
	return nil
}

// redeliver has everything delivered again that was not committed.
func (g *group) redeliver() {
	g.c.w.mu.Lock()
	defer g.c.w.mu.Unlock()
	g.again = true
	g.cancel()
}

// leave takes a process out of the group that has crashed.
func (g *group) leave() {
	g.c.w.mu.Lock()
	m := g.member
	g.cancel()
	g.c.w.mu.Unlock()
	_ = m.Close() // nobody is left to be told
}

// Pause implements [driver.Reader].
func (g *group) Pause(all []driver.Partition) {
	g.c.w.mu.Lock()
	defer g.c.w.mu.Unlock()
	g.member.Pause(all)
}

// Close implements [driver.Reader].
func (g *group) Close() error {
	g.c.w.mu.Lock()
	m := g.member
	g.c.w.mu.Unlock()
	return m.Close()
}

// Commit implements [driver.Group].
func (g *group) Commit(ctx context.Context, positions ...driver.Position) error {
	w := g.c.w
	if w.staged {
		if err := g.c.park(ctx, committing, g.c.name()+": commits "+positionsText(positions)); err != nil {
			return err
		}
	}
	w.mu.Lock()
	m, doomed, dead := g.member, g.c.doomed, g.c.dead
	w.mu.Unlock()
	if dead {
		return errCrashed
	}
	err := m.Commit(ctx, positions...)
	if err == nil {
		w.committed(positions)
	}
	if doomed {
		g.c.crash()
	}
	return err
}

// Lag tells what [driver.Group] says.
func (g *group) Lag(ctx context.Context) (map[driver.Partition]int64, error) {
	if g.c.isDead() {
		return nil, errCrashed
	}
	g.c.w.mu.Lock()
	m, ok := g.member.(lagging)
	g.c.w.mu.Unlock()
	if !ok {
		return nil, errNoLag
	}
	return m.Lag(ctx)
}

// Assigned implements [driver.Listener].
func (g *group) Assigned(partitions []driver.Partition) {
	w := g.c.w
	w.mu.Lock()
	g.assigned = append(g.assigned, partitions...)
	for _, p := range partitions {
		w.at(p).served = true
	}
	w.mu.Unlock()
	g.listener.Assigned(partitions)
}

// Revoked implements [driver.Listener].
func (g *group) Revoked(ctx context.Context, partitions []driver.Partition) {
	g.listener.Revoked(ctx, partitions)
	g.drop(partitions)
}

// Lost implements [driver.Listener].
func (g *group) Lost(partitions []driver.Partition) {
	g.listener.Lost(partitions)
	g.drop(partitions)
}

func (g *group) drop(partitions []driver.Partition) {
	g.c.w.mu.Lock()
	defer g.c.w.mu.Unlock()
	g.assigned = slices.DeleteFunc(g.assigned, func(p driver.Partition) bool { return slices.Contains(partitions, p) })
}

package asynccalls_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/checker"
)

// chaosGroup is the membership of one instance.
type chaosGroup struct {
	driver.Group // replaced by Receive with the lock of c held
	c            *chaos
	listener     driver.Listener
	join         func(context.Context, driver.Listener) (driver.Group, error)
	cancel       context.CancelFunc       // ends the Receive of the moment; guarded by the lock of c
	held         map[driver.Partition]int // what is assigned, by when; guarded by the lock of c
	assignments  int
}

// Receive implements [driver.Reader].
func (g *chaosGroup) Receive(ctx context.Context, buf []driver.Record) (int, error) {
	for {
		if err := g.hold(ctx); err != nil {
			return 0, err
		}
		if err := g.rejoin(ctx); err != nil {
			return 0, err
		}
		inner, cancel := context.WithCancel(ctx)
		g.c.mu.Lock()
		g.cancel = cancel
		g.c.mu.Unlock()
		n, err := g.Group.Receive(inner, buf)
		cancel()
		held := g.hold(ctx)
		switch {
		case !g.deliver(buf[:n]):
			<-ctx.Done()
			return 0, ctx.Err()
		case n == 0 && held != nil:
			return 0, held
		case !g.expelled() || n > 0:
			return n, err
		}
	}
}

func (g *chaosGroup) expelled() bool {
	g.c.mu.Lock()
	defer g.c.mu.Unlock()
	return g.c.expelled
}

// rejoin tells an instance that was expelled from its group, and joins again.
func (g *chaosGroup) rejoin(ctx context.Context) error {
	if !g.expelled() {
		return nil
	}
	(&chaosListener{g.listener, g}).Lost(g.partitions())
	g.c.mu.Lock()
	defer g.c.mu.Unlock()
	inner, err := g.join(ctx, &chaosListener{g.listener, g})
	if err != nil {
		return err
	}
	g.Group, g.c.expelled = inner, false
	return nil
}

// hold returns when something may be received, or with the reason why nothing
// ever will be.
func (g *chaosGroup) hold(ctx context.Context) error {
	for {
		g.c.mu.Lock()
		dead, broken, left := g.c.dead, g.c.broken, g.c.x.left(g.c.stalled)
		g.c.mu.Unlock()
		switch {
		case dead:
			<-ctx.Done()
			return ctx.Err()
		case broken:
			return errors.New("the session is gone for good")
		case left <= 0:
			return nil
		}
		select {
		case <-time.After(left):
		case <-g.c.x.healing:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// deliver notes what is received, and reports whether there is still somebody to
// receive it.
func (g *chaosGroup) deliver(records []driver.Record) bool {
	g.c.mu.Lock()
	defer g.c.mu.Unlock()
	for i := range records {
		e := identify(&records[i])
		e.Kind, e.Digest = checker.Delivered, ""
		if e.Run != "" {
			e.Request, e.Run, e.Seq = "", "", 0 // a record of its own, see checker.HandlerStart
		}
		e.Topic, e.Partition, e.Offset = records[i].Topic, records[i].Partition, records[i].Offset
		g.c.add(e)
	}
	return !g.c.dead
}

// Commit implements [driver.Group].
func (g *chaosGroup) Commit(ctx context.Context, positions ...driver.Position) error {
	x := g.c.x
	random := x.dice("commit", g.c.name, x.nth("commit", g.c.name))
	dice := random.IntN(20)
	if x.calm.Load() {
		dice = 20
	}
	asked := g.assigned()
	switch dice {
	case 0:
		x.count("commits refused", 1)
		return errors.New("coordinator not available")
	case 1, 2:
		x.count("commits delayed", 1)
		select {
		case <-time.After(time.Duration(random.IntN(12_000)) * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	err := g.commit(ctx, positions, asked)
	if err == nil && dice == 3 {
		x.count("commits not acknowledged", 1)
		return errors.New("no answer")
	}
	return err
}

// commit applies a commit and notes what the broker has taken. What is not
// assigned any more as it was when it was asked for is refused, as Kafka does
// with what belongs to a former generation.
func (g *chaosGroup) commit(ctx context.Context, positions []driver.Position, asked map[driver.Partition]int) error {
	g.c.x.commits.Lock()
	defer g.c.x.commits.Unlock()
	g.c.mu.Lock()
	defer g.c.mu.Unlock()
	if g.c.dead {
		return nil
	}
	var errs []error
	for _, p := range positions {
		if g.held[p.Partition] == 0 || g.held[p.Partition] != asked[p.Partition] {
			errs = append(errs, fmt.Errorf("partition %d of %s is not assigned", p.ID, p.Topic))
			continue
		}
		err := g.Group.Commit(ctx, p)
		errs = append(errs, err)
		if err == nil {
			g.c.x.count("commits", 1)
			g.c.add(checker.Event{Kind: checker.Commit, Topic: p.Topic, Partition: p.ID, Offset: p.Offset})
		}
	}
	return errors.Join(errs...)
}

// assigned returns what is assigned, and by which assignment.
func (g *chaosGroup) assigned() map[driver.Partition]int {
	g.c.mu.Lock()
	defer g.c.mu.Unlock()
	return maps.Clone(g.held)
}

// partitions returns what is assigned.
func (g *chaosGroup) partitions() []driver.Partition { return slices.Collect(maps.Keys(g.assigned())) }

// Close implements [driver.Reader].
func (g *chaosGroup) Close() error {
	g.note(checker.Revoked, g.partitions())
	g.c.mu.Lock()
	defer g.c.mu.Unlock()
	return g.Group.Close()
}

// note notes what becomes of partitions.
func (g *chaosGroup) note(k checker.Kind, partitions []driver.Partition) {
	g.c.x.count("partitions "+string(k), len(partitions))
	g.c.mu.Lock()
	defer g.c.mu.Unlock()
	for _, p := range partitions {
		g.c.add(checker.Event{Kind: k, Topic: p.Topic, Partition: p.ID})
		delete(g.held, p)
		if k == checker.Assigned {
			g.assignments++
			g.held[p] = g.assignments
		}
	}
}

// chaosListener notes what an instance is told of its partitions.
type chaosListener struct {
	driver.Listener
	g *chaosGroup
}

// Assigned implements [driver.Listener].
func (l *chaosListener) Assigned(partitions []driver.Partition) {
	l.g.note(checker.Assigned, partitions)
	l.Listener.Assigned(partitions)
}

// Revoked implements [driver.Listener].
func (l *chaosListener) Revoked(ctx context.Context, partitions []driver.Partition) {
	l.Listener.Revoked(ctx, partitions)
	l.g.note(checker.Revoked, partitions)
}

// Lost implements [driver.Listener].
func (l *chaosListener) Lost(partitions []driver.Partition) {
	l.g.note(checker.Lost, partitions)
	l.Listener.Lost(partitions)
}

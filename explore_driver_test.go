package asynccalls_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/checker"
)

// chaos is the connection of one instance to the broker, which fails in all ways
// that the contract of drivers allows, and the instance with it.
type chaos struct {
	driver.Driver
	x    *exploration
	name string

	mu       sync.Mutex // guards what follows, and what the broker does for this instance
	dead     bool       // nothing reaches the broker any more, and nothing is seen
	broken   bool       // Receive fails for good
	expelled bool       // the group has given the instance up, which does not know
	stalled  time.Time  // nothing is received before
	group    *chaosGroup
	lane     laneChaos
	pending  []chan struct{} // closed when an outcome was told
}

// note adds something that this instance has seen.
func (c *chaos) note(e checker.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(e)
}

// add does so with the lock held. The dead see nothing.
func (c *chaos) add(e checker.Event) {
	if c.dead {
		return
	}
	e.Instance = c.name
	c.x.history.Add(e)
}

// die ends the instance, as far as others can see.
func (c *chaos) die() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(checker.Event{Kind: checker.Killed})
	c.dead = true
}

// dropOut ends the membership of an instance that died.
func (c *chaos) dropOut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.group != nil {
		c.group.Group.Close()
	}
}

// expel gives the partitions of the instance to others, and lets it know after a
// while.
func (c *chaos) expel(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.group == nil {
		return
	}
	c.expelled = true
	c.stalled = time.Now().Add(d)
	c.group.Group.Close()
}

func (c *chaos) breakOff() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = true
	if c.group != nil {
		c.group.cancel()
	}
}

func (c *chaos) stall(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stalled = time.Now().Add(d)
}

// fate is what becomes of a record that is published.
type fate struct {
	before error         // it is not written
	after  error         // it is
	delay  time.Duration // of the outcome
}

// fate draws what becomes of a record. Of the responses to a request one fails at
// most, of those to a call two that are no errors: the library tells the caller with
// another one, once.
func (c *chaos) fate(r *driver.Record, e checker.Event) fate {
	var f fate
	c.mu.Lock()
	dead := c.dead
	c.mu.Unlock()
	if dead || c.x.calm.Load() {
		return f
	}
	_, kind, _ := strings.Cut(r.Topic, ".")
	random := c.x.dice("publish", kind, e.Request, c.x.nth("publish", kind, e.Request))
	if random.IntN(8) == 0 {
		f.delay = time.Duration(random.IntN(3000)) * time.Millisecond
		c.x.count("outcomes delayed", 1)
	}
	rare := 30
	if kind == "dead" {
		rare = 8
	}
	dice := random.IntN(rare)
	if dice > 2 || (kind == "replies" || kind == "responses") && c.spared(e) {
		return f
	}
	if random.IntN(2) == 0 { // others are sent meanwhile
		f.delay = time.Duration(random.IntN(3000)) * time.Millisecond
	}
	switch dice {
	case 0:
		f.before = driver.ErrRefused
		c.x.count(kind+" refused", 1)
	case 1:
		f.before = driver.ErrUnknownOutcome
		c.x.count(kind+" unknown, not written", 1)
	default:
		f.after = driver.ErrUnknownOutcome
		c.x.count(kind+" unknown, written", 1)
	}
	return f
}

// spared reports whether a response has to arrive.
func (c *chaos) spared(e checker.Event) bool {
	before := c.x.nth("response failed", e.Request) - 1
	return before > 1 || before > 0 && (e.Kind != checker.Written || e.Mark == checker.MarkError)
}

func (c *chaos) Publish(ctx context.Context, r *driver.Record, done func(*driver.Record, error)) {
	e := identify(r)
	f := c.fate(r, e)
	err := c.write(ctx, r, f, e)
	if f.delay == 0 {
		done(r, err)
		return
	}
	told := make(chan struct{})
	c.mu.Lock()
	c.pending = append(c.pending, told)
	c.mu.Unlock()
	go func() { // ends long before the scenario does
		pass(f.delay)
		done(r, err)
		close(told)
	}()
}

// write writes a record, if that is its fate, and notes what it is.
func (c *chaos) write(ctx context.Context, r *driver.Record, f fate, e checker.Event) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return nil // nobody will ever know
	}
	err := f.before
	if err == nil {
		c.Driver.Publish(ctx, r, func(_ *driver.Record, outcome error) { err = outcome }) // it does so before it returns
	}
	if err == nil {
		e.Topic, e.Partition, e.Offset = r.Topic, r.Partition, r.Offset
		err = f.after
	}
	c.x.expect(r, e)
	switch {
	case strings.HasSuffix(r.Topic, ".requests"), strings.HasSuffix(r.Topic, ".responses"):
		if err != nil {
			e.Error = err.Error()
		}
		c.add(e)
	case e.Topic == lanes:
		c.x.track(c.name, e)
		c.add(e)
	}
	return err
}

// Flush implements [driver.Publisher].
func (c *chaos) Flush(ctx context.Context) error {
	c.mu.Lock()
	pending := c.pending
	c.pending = nil
	c.mu.Unlock()
	for i, told := range pending {
		select {
		case <-told:
		case <-ctx.Done():
			c.mu.Lock()
			defer c.mu.Unlock()
			c.pending = append(c.pending, pending[i:]...)
			return ctx.Err()
		}
	}
	return nil
}

// Join implements [driver.Driver].
func (c *chaos) Join(ctx context.Context, group string, topics []string, l driver.Listener) (driver.Group, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return nil, errors.New("no route to the broker")
	}
	g := &chaosGroup{c: c, listener: l, cancel: func() {}, held: make(map[driver.Partition]int)}
	g.join = func(ctx context.Context, l driver.Listener) (driver.Group, error) {
		return c.Driver.Join(ctx, group, topics, l)
	}
	var err error
	if g.Group, err = g.join(ctx, &chaosListener{l, g}); err != nil {
		return nil, err
	}
	c.group = g
	return g, nil
}

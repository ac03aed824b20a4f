package asynccallstest

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/stage"
)

// errCrashed is what a service meets that has crashed.
var errCrashed = errors.New("the process has crashed")

// conn is the connection of one instance of a service to the broker.
type conn struct {
	driver.Driver

	w      *world
	of     *Instance
	index  int
	revive func() // starts the next process after a crash

	revived chan struct{} // closed when that serves

	// world.mu guards the following.
	service string // its ID, once it is known
	label   string // of the process, for people
	mortal  bool   // it may crash in an exploration
	doomed  bool   // it crashes when it has committed
	dead    bool   // it has crashed: nothing reaches the broker any more, and nothing is seen
	group   *group
	muted   map[string]bool // the requests whose end is not sent
	stores  int             // records on their way
	idle    []chan struct{} // closed when there is none
}

// observed is a connection of a service that runs as in production.
type observed struct{ *conn }

// staged is a connection of a service whose steps the world decides.
type staged struct{ *conn }

var (
	_ driver.Driver  = (*conn)(nil)
	_ stage.Observer = observed{}
	_ stage.Stage    = staged{}
)

// connect returns a new connection, and the driver for a service.
func (w *world) connect(of *Instance) (*conn, driver.Driver) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := &conn{
		Driver: w.broker, w: w, of: of, index: len(w.conns), mortal: of.mortal,
		muted: make(map[string]bool),
	}
	c.label = fmt.Sprint("service ", c.index+1)
	w.conns = append(w.conns, c)
	if w.staged {
		return c, staged{c}
	}
	return c, observed{c}
}

// Close implements [driver.Driver]: a service does not close it.
func (c *conn) Close() error { return nil }

// Topics implements [driver.Admin].
func (c *conn) Topics(ctx context.Context, names ...string) ([]driver.Topic, error) {
	if c.isDead() {
		return nil, errCrashed
	}
	return c.Driver.Topics(ctx, names...)
}

// Create implements [driver.Admin].
func (c *conn) Create(ctx context.Context, topics ...driver.Topic) error {
	if c.isDead() {
		return errCrashed
	}
	return c.Driver.Create(ctx, topics...)
}

// Publish implements [driver.Publisher].
func (c *conn) Publish(ctx context.Context, r *driver.Record, done func(*driver.Record, error)) {
	s := c.w.sight(r)
	c.w.mu.Lock()
	muted := s.end && c.muted[s.request]
	if s.sent != nil {
		s.conn = c
		if !s.dead {
			c.learn(s.sent.From)
		}
		c.w.requests = append(c.w.requests, s)
	}
	c.stores++
	c.w.mu.Unlock()
	finish := func(r *driver.Record, err error) {
		c.learned(s, r, err)
		done(r, err)
		c.finish() // last: who flushes has all outcomes then
	}
	switch {
	case muted:
		done(r, nil)
		c.finish()
	case !c.w.staged && c.isDead():
		finish(r, errCrashed)
	case !c.w.staged:
		c.Driver.Publish(ctx, r, finish)
	default:
		e := &event{conn: c, kind: storing, name: c.name() + ": the broker stores " + s.String(), final: s.final}
		e.do = func() { c.store(ctx, e, s, r, done) }
		e.drop = func() { finish(r, errCrashed) }
		if !c.w.add(e) {
			e.drop()
		}
	}
}

// store stores a record, and tells its sender the outcome: that of the event, if it has
// one.
func (c *conn) store(
	ctx context.Context, e *event, s *sighting, r *driver.Record, done func(*driver.Record, error),
) {
	c.Driver.Publish(ctx, r, func(r *driver.Record, err error) { // it does so before it returns
		c.learned(s, r, err)
		if err == nil {
			err = e.outcome
		}
		done(r, err)
		c.finish()
	})
}

// learned takes in the outcome of a record.
func (c *conn) learned(s *sighting, r *driver.Record, err error) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	s.lost = err != nil
	if err != nil {
		return
	}
	c.w.stored(r)
	c.transcribe(s)
	if h := c.w.hosts[s.request]; h != nil && s.dead {
		h.bury()
	}
}

// finish takes in that a record is not on its way any more.
func (c *conn) finish() {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.stores--
	if c.stores > 0 {
		return
	}
	for _, idle := range c.idle {
		close(idle)
	}
	c.idle = nil
}

// Flush implements [driver.Publisher].
func (c *conn) Flush(ctx context.Context) error {
	c.w.mu.Lock()
	if c.stores == 0 || !c.w.staged {
		c.w.mu.Unlock()
		return c.Driver.Flush(ctx)
	}
	idle := make(chan struct{})
	c.idle = append(c.idle, idle)
	c.w.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Concluded implements [stage.Observer].
func (c *conn) Concluded(o stage.Outcome) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	if c.dead {
		return
	}
	if errors.Is(o.Err, NoEnd) {
		c.muted[o.Request] = true
	}
	var p *stage.PanicError
	if errors.As(o.Err, &p) && !c.w.forgiving {
		c.w.t.Errorf("%s: the handler of %s panicked: %v\n%s", c.label, o.Request, p.Value, p.Stack)
	}
	if h := c.w.hosts[o.Request]; h != nil {
		h.conclude(o)
	}
}

// Run implements [stage.Stage]: it is an event that the handler begins. If the test
// itself waits for that request, the handler runs on its stack.
func (s staged) Run(t stage.Task, f func(bool)) {
	c := s.conn
	e := &event{conn: c, kind: beginning, name: c.name() + ": begins " + t.Name + " " + t.Request}
	e.do = func() {
		c.w.mu.Lock()
		h := c.w.hosts[t.Request]
		c.w.mu.Unlock()
		if h == nil || !h.invite(c, f) {
			go f(true) // Listen waits for it
		}
	}
	e.drop = func() { f(false) }
	if !c.w.add(e) {
		go e.drop() // Listen waits for it
	}
}

// Step implements [stage.Stage].
func (s staged) Step(t stage.Task, what string) {
	c := s.conn
	_ = c.park(context.Background(), stepping, fmt.Sprintf("%s: %s %s %s", c.name(), t.Name, t.Request, what))
	c.w.mu.Lock()
	over := c.dead && !c.w.hosts[t.Request].holds(c) // the test itself goes on
	c.w.mu.Unlock()
	if over {
		runtime.Goexit()
	}
}

// park waits until it is the turn of an event. It returns an error if the process
// crashes before, or ctx ends.
func (c *conn) park(ctx context.Context, k kind, name string) error {
	turn := make(chan struct{})
	e := &event{conn: c, kind: k, name: name, do: func() { close(turn) }}
	var err error
	e.drop = func() {
		err = errCrashed
		close(turn)
	}
	if !c.w.add(e) {
		return errCrashed
	}
	select {
	case <-turn:
	case <-ctx.Done():
		if c.w.remove(e) {
			return ctx.Err()
		}
		<-turn
	}
	return err
}

// doom has the process crash when it has committed.
func (c *conn) doom() {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.doomed = true
}

// crash ends the process, as far as others can see, and starts another.
func (c *conn) crash() {
	w := c.w
	w.mu.Lock()
	if c.dead {
		w.mu.Unlock()
		return
	}
	c.dead = true
	var dropped, rest []*event
	for _, e := range w.pending {
		if e.conn == c {
			dropped = append(dropped, e)
		} else {
			rest = append(rest, e)
		}
	}
	w.pending = rest
	g := c.group
	w.mu.Unlock()
	for _, e := range dropped {
		e.drop()
	}
	if g != nil {
		g.leave()
	}
	if c.revive != nil {
		c.revive()
	}
}

func (c *conn) isDead() bool {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	return c.dead
}

func (c *conn) name() string {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	return c.label
}

// learn takes in how the service is called. The lock is held.
func (c *conn) learn(service string) {
	if c.service != "" {
		return
	}
	n := 1
	for _, other := range c.w.conns {
		if other.service == service {
			n++
		}
	}
	c.service, c.label = service, service
	if n > 1 {
		c.label = fmt.Sprint(service, "#", n)
	}
}

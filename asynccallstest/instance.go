package asynccallstest

import (
	"context"
	"errors"
	"fmt"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
)

// Instance is a service in a test: a process that runs its own code. Make one with
// [Broker.Start] or [Broker.Fake]. Its methods are safe for concurrent use.
type Instance struct {
	w       *world
	make    func(driver.Driver) (*asynccalls.Service, error)
	mortal  bool
	replies *Instance // gets its durable responses for the test; world.owning guards it

	// world.mu guards the following.
	conn    *conn
	service *asynccalls.Service
	over    bool
}

// start starts an instance and waits until it serves.
func (w *world) start(mortal bool, open func(driver.Driver) (*asynccalls.Service, error)) (*Instance, error) {
	i := &Instance{w: w, make: open, mortal: mortal}
	w.mu.Lock()
	w.instances = append(w.instances, i)
	w.mu.Unlock()
	return i, i.begin()
}

// begin starts a process.
func (i *Instance) begin() error {
	c, d := i.w.connect(i)
	c.revived = make(chan struct{})
	c.revive = func() {
		i.w.wg.Go(func() {
			defer close(c.revived)
			i.restart()
		})
	}
	s, err := i.make(d)
	if err != nil {
		return fmt.Errorf("start a service: %w", err)
	}
	if s == nil {
		return errors.New("start a service: the function returned none")
	}
	i.w.mu.Lock()
	i.conn, i.service = c, s
	i.w.mu.Unlock()
	ctx := context.WithoutCancel(i.w.t.Context())
	i.w.wg.Go(func() { _ = s.Listen(ctx) }) // Close returns it; without handlers there is nothing to listen for
	return s.Ready(ctx)
}

// restart starts the next process after one has crashed.
func (i *Instance) restart() {
	i.w.mu.Lock()
	crashed, over := i.service, i.over
	i.w.mu.Unlock()
	i.w.wg.Go(func() { _ = crashed.Close() }) // nobody sees how a crashed process ends
	if over {
		return
	}
	if err := i.begin(); err != nil && !i.isOver() {
		i.w.t.Errorf("%s: start again: %v", i.name(), err)
	}
}

func (i *Instance) isOver() bool {
	i.w.mu.Lock()
	defer i.w.mu.Unlock()
	return i.over
}

// close ends the process.
func (i *Instance) close() error {
	i.w.mu.Lock()
	i.over = true
	s, c := i.service, i.conn
	i.w.mu.Unlock()
	if s == nil {
		return nil
	}
	err := s.Close()
	if c.isDead() {
		return nil
	}
	return err
}

func (i *Instance) name() string {
	i.w.mu.Lock()
	c := i.conn
	i.w.mu.Unlock()
	if c == nil {
		return "service"
	}
	return c.name()
}

// Service returns the service itself: that of the process that runs now.
func (i *Instance) Service() *asynccalls.Service {
	i.w.mu.Lock()
	defer i.w.mu.Unlock()
	return i.service
}

// Crash ends the process as a crash does, and starts another, for which it waits: what
// was not committed is delivered again, and what was not sent is never sent. Handlers
// that run stop at the next thing they do through the library; a handler that the
// test itself runs goes on, and meets errors.
func (i *Instance) Crash() {
	i.w.atRest(i.name() + " crashes")
	i.w.mu.Lock()
	c := i.conn
	i.w.mu.Unlock()
	c.crash()
	<-c.revived
}

// Restart ends the process as [asynccalls.Service.Close] does, and starts another.
func (i *Instance) Restart() {
	i.w.t.Helper()
	i.w.atRest(i.name() + " is restarted")
	i.w.mu.Lock()
	s := i.service
	i.w.mu.Unlock()
	if err := s.Close(); err != nil {
		i.w.t.Errorf("%s: restart: %v", i.name(), err)
	}
	if err := i.begin(); err != nil {
		i.w.t.Fatalf("%s: restart: %v", i.name(), err)
	}
}

// Sent returns the requests that the service has sent to others, in their order, also
// those of its earlier processes. A request that the broker has not stored is not
// among them.
func (i *Instance) Sent() []*asynccalls.Request {
	return i.w.sent(0, func(s *sighting) bool { return s.conn.of == i && !s.dead })
}

// Received returns the requests that others, and the test, have sent to the service,
// in their order.
func (i *Instance) Received() []*asynccalls.Request {
	i.w.mu.Lock()
	id := i.conn.service
	i.w.mu.Unlock()
	return i.w.sent(0, func(s *sighting) bool { return s.sent.Service == id && !s.dead })
}

// DeadLetters returns the requests that the service has put into its dead letters, in
// their order. Responses that it has put there are not among them.
func (i *Instance) DeadLetters() []*asynccalls.Request {
	return i.w.sent(0, func(s *sighting) bool { return s.conn.of == i && s.dead })
}

// sent returns the requests that were sent, or became dead letters, from one on.
func (w *world) sent(from int, which func(*sighting) bool) []*asynccalls.Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	var requests []*asynccalls.Request
	for _, s := range w.requests[from:] {
		if !s.lost && which(s) {
			requests = append(requests, s.sent)
		}
	}
	return requests
}

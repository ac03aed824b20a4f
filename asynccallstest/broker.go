package asynccallstest

import (
	"context"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/stage"
)

// patience is how long a test waits for something, in virtual time and on a broker
// outside of the process.
const (
	patience     = time.Hour
	realPatience = time.Minute
)

// Broker is what the services of one test are connected to, and the test's view of
// them. [Run] and [Explore] make it. It is safe for concurrent use.
type Broker struct{ w *world }

// Start starts a service as its program does: open is given the driver, and returns
// the service with its handlers registered. Start has it listen, and waits until it
// serves. It is closed at the end of the test, and that it cannot be is a failure. A
// service without handlers only calls.
//
// If the process crashes, in an exploration or by [Instance.Crash], open is called
// again. What outlives a crash, such as a database, is to be made outside of open.
func (b *Broker) Start(open func(driver.Driver) (*asynccalls.Service, error)) *Instance {
	b.w.t.Helper()
	i, err := b.w.start(true, open)
	if err != nil {
		b.w.t.Fatal(err)
	}
	return i
}

// Fake starts a service called id that takes the place of a real one: setup registers
// its handlers, see also [Script]. It does not crash in an exploration.
func (b *Broker) Fake(id string, setup func(*asynccalls.Service)) *Instance {
	b.w.t.Helper()
	i, err := b.w.start(false, b.w.fake(id, setup))
	if err != nil {
		b.w.t.Fatal(err)
	}
	return i
}

func (w *world) fake(id string, setup func(*asynccalls.Service)) func(driver.Driver) (*asynccalls.Service, error) {
	return func(d driver.Driver) (*asynccalls.Service, error) {
		s, err := asynccalls.New(id, d, w.defaults...)
		if err == nil {
			setup(s)
		}
		return s, err
	}
}

// Client returns a service called "test" with which the test itself calls others. It
// has no handlers.
func (b *Broker) Client() *asynccalls.Service {
	b.w.t.Helper()
	return b.w.caller()
}

// caller returns the service with which the test calls.
func (w *world) caller() *asynccalls.Service {
	w.t.Helper()
	return w.own(&w.client, "test", func(*asynccalls.Service) {})
}

// responder returns the service of the test that gets durable responses of this one.
func (i *Instance) responder() *asynccalls.Service {
	i.w.t.Helper()
	i.w.mu.Lock()
	service := i.conn.service
	i.w.mu.Unlock()
	return i.w.own(&i.replies, "test-"+service, func(s *asynccalls.Service) {
		s.HandleResponses(service, "/{rest...}", i.w.respond, asynccalls.WithEnds())
	})
}

// own returns a service of the test, which is started when it is first needed.
func (w *world) own(i **Instance, id string, setup func(*asynccalls.Service)) *asynccalls.Service {
	w.t.Helper()
	w.owning <- struct{}{}
	defer func() { <-w.owning }()
	if *i == nil {
		started, err := w.start(false, w.fake(id, setup))
		if err != nil {
			w.t.Fatal(err)
		}
		*i = started
	}
	return (*i).Service()
}

// Sent returns the requests that all services, and the test, have sent, in their
// order.
func (b *Broker) Sent() []*asynccalls.Request {
	return b.w.sent(0, func(s *sighting) bool { return !s.dead })
}

// Wait waits until all requests that were sent, and all responses for handlers of
// responses, are handled for good: also after retries, and committed. It fails the
// test if that takes longer than an hour of virtual time, or a minute on a broker
// outside of the process. Calls that the test awaits are its own business.
func (b *Broker) Wait() {
	b.w.t.Helper()
	if err := b.w.wait(b.w.t.Context(), b.w.patience()); err != nil {
		b.w.t.Fatal(err)
	}
}

func (w *world) patience() time.Duration {
	if w.staged {
		return patience
	}
	return realPatience
}

// Step is for what a test gives its handlers to work with, such as a database: it
// marks a point at which, in an exploration, another handler may go on, or the process
// may crash. ctx is that of the handler; outside of a handler it does nothing.
func (b *Broker) Step(ctx context.Context, what string) { stage.Step(ctx, what) }

// AllowPanics says that the handlers of this test may panic. Without it a panic fails
// the test, with its stack.
func (b *Broker) AllowPanics() {
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	b.w.forgiving = true
}

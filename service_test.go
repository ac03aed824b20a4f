package asynccalls_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world runs a test with virtual time and a broker of its own.
func world(t *testing.T, f func(t *testing.T, d *faulty)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		broker := memory.New()
		d := &faulty{Driver: broker, broker: broker}
		t.Cleanup(func() {
			if err := d.Close(); err != nil {
				t.Errorf("close driver: %v", err)
			}
		})
		f(t, d)
	})
}

// newService returns a service that is closed with the test.
func newService(tb testing.TB, id string, d driver.Driver, o ...asynccalls.Option) *asynccalls.Service {
	tb.Helper()
	s := newStubborn(tb, id, d, o...)
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("close %s: %v", id, err)
		}
	})
	return s
}

// newStubborn returns a service that may end with an error.
func newStubborn(tb testing.TB, id string, d driver.Driver, o ...asynccalls.Option) *asynccalls.Service {
	tb.Helper()
	s, err := asynccalls.New(id, d, o...)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// listen has a service listen until it is closed, and waits until it is ready.
func listen(tb testing.TB, s *asynccalls.Service) {
	tb.Helper()
	ctx := context.WithoutCancel(tb.Context())
	go s.Listen(ctx) // Close returns its error
	if err := s.Ready(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

// serve starts a service with one endpoint.
func serve(tb testing.TB, d driver.Driver, id, pattern string, h asynccalls.Handler) *asynccalls.Service {
	tb.Helper()
	s := newService(tb, id, d)
	s.Handle(pattern, h)
	listen(tb, s)
	return s
}

// reply returns a handler that sends one response for each body, and then
// returns err.
func reply(err error, bodies ...string) asynccalls.Handler {
	return func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
		for _, b := range bodies {
			if err := w.Send(ctx, asynccalls.NewResponse([]byte(b))); err != nil {
				return err
			}
		}
		return err
	}
}

// collect reads all responses of a call, and how it ended.
func collect(c *asynccalls.Call) (bodies []string, err error) {
	for r, err := range c.Responses() {
		if err != nil {
			return bodies, err
		}
		bodies = append(bodies, string(r.Body))
	}
	return bodies, nil
}

// list is what handlers that run at the same time note.
type list struct {
	mu    sync.Mutex // guards items
	items []string
}

func (l *list) add(item string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.items = append(l.items, item)
}

// all returns the items in the order in which they came.
func (l *list) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.items)
}

// sorted returns the items in alphabetical order.
func (l *list) sorted() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(slices.Values(l.items))
}

// pass lets virtual time pass.
func pass(d time.Duration) { <-time.After(d) }

// elapse lets virtual time pass, and everything happen that happens until then: the
// test may look at what handlers have written. It is for the goroutine of the test.
func elapse(d time.Duration) {
	pass(d)
	synctest.Wait()
}

// faulty is a driver whose calls a test can look at and make fail.
type faulty struct {
	driver.Driver
	broker *memory.Driver

	received atomic.Int64 // records, by groups
	pauses   atomic.Int64 // of any partition, by groups

	mu      sync.Mutex // guards what follows
	publish func(r *driver.Record) error
	commit  func(context.Context) error
	leave   func()
	topics  func() error
	hold    func(topic string) bool // whose outcomes are held back
	held    []func()
	commits []driver.Position
}

// onPublish sets what fails a record before it is written.
func (f *faulty) onPublish(hook func(r *driver.Record) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.publish = hook
}

// onCommit sets what fails a commit before the broker learns of it.
func (f *faulty) onCommit(hook func(context.Context) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commit = hook
}

// onLeave sets what happens before a group is left.
func (f *faulty) onLeave(hook func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.leave = hook
}

// onTopics sets what fails a look at the topics.
func (f *faulty) onTopics(hook func() error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.topics = hook
}

// holdOutcomes holds back the outcomes of what is published, or lets them go.
func (f *faulty) holdOutcomes(hold bool) {
	f.holdTopics(func(string) bool { return hold })
	if !hold {
		f.releaseHeld()
	}
}

// releaseHeld lets the outcomes go that were held back.
func (f *faulty) releaseHeld() {
	f.mu.Lock()
	held := f.held
	f.held = nil
	f.mu.Unlock()
	for _, h := range held {
		h()
	}
}

// holdTopics sets the topics for which that is so.
func (f *faulty) holdTopics(hold func(topic string) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hold = hold
}

// committed returns the positions that were committed, in their order.
func (f *faulty) committed() []driver.Position {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]driver.Position(nil), f.commits...)
}

func (f *faulty) Publish(ctx context.Context, r *driver.Record, done func(*driver.Record, error)) {
	f.mu.Lock()
	hook, hold := f.publish, f.hold != nil && f.hold(r.Topic)
	f.mu.Unlock()
	if hook != nil {
		if err := hook(r); err != nil {
			done(r, err)
			return
		}
	}
	if !hold {
		f.Driver.Publish(ctx, r, done)
		return
	}
	f.Driver.Publish(ctx, r, func(r *driver.Record, err error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.held = append(f.held, func() { done(r, err) })
	})
}

func (f *faulty) Topics(ctx context.Context, names ...string) ([]driver.Topic, error) {
	f.mu.Lock()
	hook := f.topics
	f.mu.Unlock()
	if hook != nil {
		if err := hook(); err != nil {
			return nil, err
		}
	}
	return f.Driver.Topics(ctx, names...)
}

func (f *faulty) Join(ctx context.Context, group string, topics []string, l driver.Listener) (driver.Group, error) {
	g, err := f.Driver.Join(ctx, group, topics, l)
	return &faultyGroup{g, f}, err
}

type faultyGroup struct {
	driver.Group
	f *faulty
}

func (g *faultyGroup) Receive(ctx context.Context, buf []driver.Record) (int, error) {
	n, err := g.Group.Receive(ctx, buf)
	g.f.received.Add(int64(n))
	return n, err
}

func (g *faultyGroup) Pause(all []driver.Partition) {
	if len(all) > 0 {
		g.f.pauses.Add(1)
	}
	g.Group.Pause(all)
}

func (g *faultyGroup) Lag(ctx context.Context) (map[driver.Partition]int64, error) {
	return g.Group.(interface { //nolint:forcetypeassert // the group of the memory driver
		Lag(ctx context.Context) (map[driver.Partition]int64, error)
	}).Lag(ctx)
}

func (g *faultyGroup) Commit(ctx context.Context, p ...driver.Position) error {
	g.f.mu.Lock()
	hook := g.f.commit
	g.f.mu.Unlock()
	if hook != nil {
		if err := hook(ctx); err != nil {
			return err
		}
	}
	g.f.mu.Lock()
	g.f.commits = append(g.f.commits, p...)
	g.f.mu.Unlock()
	return g.Group.Commit(ctx, p...)
}

func (g *faultyGroup) Close() error {
	g.f.mu.Lock()
	hook := g.f.leave
	g.f.mu.Unlock()
	if hook != nil {
		hook()
	}
	return g.Group.Close()
}

// read returns all records of a topic that the test's broker holds.
func read(tb testing.TB, d driver.Driver, topic string) []driver.Record {
	tb.Helper()
	topics, err := d.Topics(tb.Context(), topic)
	if err != nil || len(topics) != 1 {
		tb.Fatalf("topic %q: got %v, error %v", topic, topics, err)
	}
	var all []driver.Record
	for id := range topics[0].Partitions {
		all = append(all, readPartition(tb, d, driver.Partition{Topic: topic, ID: id})...)
	}
	return all
}

// positioner is a reader of one partition that tells its position.
type positioner interface{ Position() int64 }

func readPartition(tb testing.TB, d driver.Driver, p driver.Partition) []driver.Record {
	tb.Helper()
	end, err := d.Read(tb.Context(), p, -1)
	if err != nil {
		tb.Fatal(err)
	}
	defer end.Close()
	r, err := d.Read(tb.Context(), p, 0)
	if err != nil {
		tb.Fatal(err)
	}
	defer r.Close()
	buf := make([]driver.Record, 1000)
	var all []driver.Record
	for r.(positioner).Position() < end.(positioner).Position() {
		n, err := r.Receive(tb.Context(), buf)
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, buf[:n]...)
	}
	return all
}

// publish writes a record and waits for it.
func publish(tb testing.TB, d driver.Driver, r driver.Record) {
	tb.Helper()
	outcome := make(chan error, 1)
	d.Publish(tb.Context(), &r, func(_ *driver.Record, err error) { outcome <- err })
	if err := <-outcome; err != nil {
		tb.Fatal(err)
	}
}

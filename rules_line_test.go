package asynccalls_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/franz"
)

// line is a connection to the broker of a tier. Once it is cut, the broker is away
// for who uses it until it is mended.
type line interface {
	driver.Driver
	cut()
	mend()
	produced() int64 // requests in which records were written; 0 if there are none
}

// gap is what a line has in common on all tiers: it is whole, or cut.
type gap struct {
	mu     sync.Mutex      // guards what follows
	whole  context.Context //nolint:containedctx // ends when the line is cut
	cut    context.CancelFunc
	mended chan struct{} // closed while the line is whole
}

func newGap() *gap {
	g := &gap{mended: make(chan struct{})}
	close(g.mended)
	g.whole, g.cut = context.WithCancel(context.Background())
	return g
}

func (g *gap) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.whole.Err() == nil {
		g.mended = make(chan struct{})
		g.cut()
	}
}

func (g *gap) mend() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.whole.Err() != nil {
		g.whole, g.cut = context.WithCancel(context.Background())
		close(g.mended)
	}
}

func (g *gap) isOpen() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.whole.Err() != nil
}

// pass waits until the line is whole, and returns a context that ends when it is
// cut, or with ctx.
func (g *gap) pass(ctx context.Context) (context.Context, context.CancelFunc, error) {
	for ctx.Err() == nil {
		g.mu.Lock()
		whole, mended := g.whole, g.mended
		g.mu.Unlock()
		if whole.Err() == nil {
			ctx, cancel := context.WithCancel(ctx)
			stop := context.AfterFunc(whole, cancel)
			return ctx, func() { stop(); cancel() }, nil
		}
		select {
		case <-mended:
		case <-ctx.Done():
		}
	}
	return nil, nil, ctx.Err()
}

// wait waits until the line is whole.
func (g *gap) wait(ctx context.Context) error {
	_, end, err := g.pass(ctx)
	if err == nil {
		end()
	}
	return err
}

// kafkaLine is a line over TCP: to cut it ends its connections, and makes new ones
// wait.
type kafkaLine struct {
	*franz.Driver
	gap      *gap
	produces atomic.Int64

	mu    sync.Mutex // guards conns
	conns []net.Conn
}

func newKafkaLine(tb testing.TB, addr string) line {
	tb.Helper()
	l := &kafkaLine{gap: newGap()}
	var err error
	l.Driver, err = franz.Open(addr, kgo.Dialer(l.dial), kgo.WithHooks(l))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		l.mend()
		l.Close()
	})
	return l
}

func (l *kafkaLine) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	for {
		if err := l.gap.wait(ctx); err != nil {
			return nil, err
		}
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil || l.keep(conn) {
			return conn, err
		}
		conn.Close()
	}
}

// keep notes a connection for cut, and reports whether the line is whole still.
func (l *kafkaLine) keep(conn net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gap.isOpen() {
		return false
	}
	l.conns = append(l.conns, conn)
	return true
}

func (l *kafkaLine) cut() {
	l.gap.open()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		c.Close()
	}
	l.conns = nil
}

func (l *kafkaLine) mend() { l.gap.mend() }

func (l *kafkaLine) produced() int64 { return l.produces.Load() }

// OnProduceBatchWritten implements [kgo.HookProduceBatchWritten].
func (l *kafkaLine) OnProduceBatchWritten(kgo.BrokerMetadata, string, int32, kgo.ProduceBatchMetrics) {
	l.produces.Add(1)
}

// memoryLine is a line to a broker in this process. Closing it closes what was
// opened through it, and nothing else.
type memoryLine struct {
	driver.Driver
	gap       *gap
	receiving sync.RWMutex // held to receive

	mu      sync.Mutex // guards what follows
	closed  bool
	waiting []func(error) // records that were published while the line was cut
	readers []driver.Reader
}

func newMemoryLine(tb testing.TB, broker driver.Driver) line {
	tb.Helper()
	l := &memoryLine{Driver: broker, gap: newGap()}
	tb.Cleanup(func() {
		l.mend()
		l.Close()
	})
	return l
}

func (l *memoryLine) produced() int64 { return 0 }

func (l *memoryLine) cut() {
	l.gap.open()
	l.receiving.Lock()   // until nobody receives any more
	l.receiving.Unlock() //nolint:staticcheck // see above
}

func (l *memoryLine) mend() {
	l.gap.mend()
	l.release(nil)
}

// release lets go what waits: it is written if err is nil.
func (l *memoryLine) release(err error) {
	l.mu.Lock()
	waiting := l.waiting
	l.waiting = nil
	l.mu.Unlock()
	for _, publish := range waiting {
		publish(err)
	}
}

// open reports whether the line can be used, once it is whole.
func (l *memoryLine) open(ctx context.Context) error {
	if err := l.gap.wait(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return fmt.Errorf("the line is closed: %w", driver.ErrRefused)
	}
	return nil
}

func (l *memoryLine) Publish(ctx context.Context, r *driver.Record, done func(*driver.Record, error)) {
	l.mu.Lock()
	closed := l.closed
	cut := !closed && l.gap.isOpen()
	if cut {
		l.waiting = append(l.waiting, func(err error) {
			if err != nil {
				done(r, err)
				return
			}
			l.Driver.Publish(context.WithoutCancel(ctx), r, done)
		})
	}
	l.mu.Unlock()
	switch {
	case closed:
		done(r, fmt.Errorf("the line is closed: %w", driver.ErrRefused))
	case !cut:
		l.Driver.Publish(ctx, r, done)
	}
}

func (l *memoryLine) Flush(ctx context.Context) error {
	if err := l.open(ctx); err != nil {
		return err
	}
	return l.Driver.Flush(ctx)
}

func (l *memoryLine) Topics(ctx context.Context, names ...string) ([]driver.Topic, error) {
	if err := l.open(ctx); err != nil {
		return nil, err
	}
	return l.Driver.Topics(ctx, names...)
}

func (l *memoryLine) Create(ctx context.Context, topics ...driver.Topic) error {
	if err := l.open(ctx); err != nil {
		return err
	}
	return l.Driver.Create(ctx, topics...)
}

func (l *memoryLine) Read(ctx context.Context, p driver.Partition, offset int64) (driver.Reader, error) {
	if err := l.open(ctx); err != nil {
		return nil, err
	}
	r, err := l.Driver.Read(ctx, p, offset)
	if err != nil {
		return nil, err
	}
	l.keep(r)
	return &lineReader{r, l}, nil
}

func (l *memoryLine) Join(ctx context.Context, group string, topics []string, listener driver.Listener) (driver.Group, error) {
	if err := l.open(ctx); err != nil {
		return nil, err
	}
	g, err := l.Driver.Join(ctx, group, topics, listener)
	if err != nil {
		return nil, err
	}
	l.keep(g)
	return &lineGroup{g, l}, nil
}

func (l *memoryLine) keep(r driver.Reader) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readers = append(l.readers, r)
}

func (l *memoryLine) Close() error {
	l.mu.Lock()
	l.closed = true
	readers := l.readers
	l.readers = nil
	l.mu.Unlock()
	l.release(driver.ErrRefused)
	for _, r := range readers {
		r.Close()
	}
	return nil
}

// receive receives through the line when it is whole.
func (l *memoryLine) receive(ctx context.Context, r driver.Reader, buf []driver.Record) (int, error) {
	for {
		whole, end, err := l.gap.pass(ctx)
		if err != nil {
			return 0, err
		}
		l.receiving.RLock()
		n, err := 0, whole.Err()
		if err == nil {
			n, err = r.Receive(whole, buf)
		}
		l.receiving.RUnlock()
		cut := whole.Err() != nil && ctx.Err() == nil
		end()
		if err == nil || !cut {
			return n, err
		}
	}
}

type lineReader struct {
	driver.Reader
	line *memoryLine
}

func (r *lineReader) Receive(ctx context.Context, buf []driver.Record) (int, error) {
	return r.line.receive(ctx, r.Reader, buf)
}

// Position returns that of the reader, see [driver.Reader].
func (r *lineReader) Position() int64 { return r.Reader.(positioner).Position() }

type lineGroup struct {
	driver.Group
	line *memoryLine
}

func (g *lineGroup) Receive(ctx context.Context, buf []driver.Record) (int, error) {
	return g.line.receive(ctx, g.Group, buf)
}

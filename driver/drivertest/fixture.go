package drivertest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/driver"
)

// A fixture is what a case works with.
type fixture struct {
	*testing.T
	config       Config
	driver       driver.Driver
	prefix       string
	topics       []string
	publications []*publication
	running      sync.WaitGroup // goroutines that end when the driver is closed

	reporting sync.Mutex // guards over
	over      bool       // the case has ended, and can't fail any more
}

func newFixture(ctx context.Context, t *testing.T, c Config) *fixture {
	t.Helper()
	f := &fixture{
		T:      t,
		config: c,
		driver: c.Open(t),
		prefix: "drivertest-" + strings.ToLower(rand.Text()[:12]),
	}
	// A driver that does not obey the context of the case is closed, so that the
	// case fails under its name.
	watchdog := time.AfterFunc(c.Timeout+time.Second, func() { _ = f.driver.Close() })
	t.Cleanup(func() {
		watchdog.Stop()
		f.end(context.WithoutCancel(ctx))
	})
	return f
}

// end closes the driver, waits for what the case started, and checks that no
// outcome is missing.
func (f *fixture) end(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, f.config.Timeout)
	defer cancel()
	defer f.mute()
	f.close(ctx)
	f.within(ctx, "goroutines of the case", f.running.Wait)
	for _, p := range f.publications {
		if err := p.await(ctx, p.complete); err != nil {
			f.Errorf("%d of %d published records have an outcome after Close", p.count(), len(p.handed))
		}
		if p.strays > 0 {
			f.Errorf("done was called %d times too often or with a record that was not published", p.strays)
		}
	}
	if f.config.DeleteTopic == nil {
		return
	}
	for _, topic := range f.topics {
		_ = f.config.DeleteTopic(ctx, f.driver, topic)
	}
}

// Errorf fails the case, unless that is over: a driver may call back too late.
func (f *fixture) Errorf(format string, args ...any) {
	f.Helper()
	f.reporting.Lock()
	defer f.reporting.Unlock()
	if !f.over {
		f.T.Errorf(format, args...)
	}
}

func (f *fixture) mute() {
	f.reporting.Lock()
	defer f.reporting.Unlock()
	f.over = true
}

// close closes the driver, once more if it is closed already.
func (f *fixture) close(ctx context.Context) {
	f.Helper()
	f.within(ctx, "Close", func() {
		if err := f.driver.Close(); err != nil {
			f.Errorf("close: %v", err)
		}
	})
}

// within runs wait, and fails the case if it does not return before ctx ends.
func (f *fixture) within(ctx context.Context, what string, wait func()) {
	f.Helper()
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		wait()
	}()
	select {
	case <-returned:
	case <-ctx.Done():
		f.Errorf("%s did not end: %v", what, ctx.Err())
	}
}

// name returns a name that nobody else uses.
func (f *fixture) name(suffix string) string {
	return fmt.Sprintf("%s-%s-%s", f.prefix, strings.ToLower(rand.Text()[:6]), suffix)
}

// topic creates a topic and returns its name.
func (f *fixture) topic(ctx context.Context, partitions int32) string {
	f.Helper()
	return f.create(ctx, driver.Topic{Partitions: partitions})
}

// create creates a topic like t, under a name of its own, and returns that.
func (f *fixture) create(ctx context.Context, t driver.Topic) string {
	f.Helper()
	t.Name = f.name("topic")
	if err := f.driver.Create(ctx, t); err != nil {
		f.Fatalf("create topic %q: %v", t.Name, err)
	}
	f.topics = append(f.topics, t.Name)
	return t.Name
}

// read reads a partition until the case ends.
func (f *fixture) read(ctx context.Context, p driver.Partition, offset int64) driver.Reader {
	f.Helper()
	r, err := f.driver.Read(ctx, p, offset)
	if err != nil {
		f.Fatalf("read partition %v from %d: %v", p, offset, err)
	}
	return r
}

// receive receives n records, with a buffer for size records.
func (f *fixture) receive(ctx context.Context, r driver.Reader, n, size int) []driver.Record {
	f.Helper()
	var records []driver.Record
	buf := make([]driver.Record, size)
	for len(records) < n {
		got, err := r.Receive(ctx, buf)
		if err != nil {
			f.Fatalf("receive after %d of %d records: %v", len(records), n, err)
		}
		if got < 1 || got > len(buf) {
			f.Fatalf("receive returned %d records and no error, want 1 to %d", got, len(buf))
		}
		records = append(records, buf[:got]...)
		clear(buf)
	}
	if len(records) > n {
		f.Fatalf("received %d records, want %d", len(records), n)
	}
	return records
}

// receiveNothing checks that nothing can be received for a moment. A driver that
// is wrong and slow passes, one that is right never fails.
func (f *fixture) receiveNothing(ctx context.Context, r driver.Reader) {
	f.Helper()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
	defer cancel()
	buf := make([]driver.Record, 10)
	n, err := r.Receive(ctx, buf)
	if n != 0 || !errors.Is(err, context.DeadlineExceeded) {
		f.Fatalf("receive returned %d records and %v, want none and %v", n, err, context.DeadlineExceeded)
	}
}

// receiveLost receives a [driver.LostError].
func (f *fixture) receiveLost(ctx context.Context, r driver.Reader) *driver.LostError {
	f.Helper()
	n, err := r.Receive(ctx, make([]driver.Record, 10))
	lost, ok := errors.AsType[*driver.LostError](err)
	if n != 0 || !ok {
		f.Fatalf("receive returned %d records and error %v, want a LostError", n, err)
	}
	return lost
}

// eventually repeats try until it succeeds. A cluster spreads the news of topics
// that come and go with some delay.
func (f *fixture) eventually(ctx context.Context, what string, try func() error) {
	f.Helper()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			f.Fatalf("%s: %v", what, err)
		}
	}
}

// errUnexpected is for conditions that are retried.
var errUnexpected = errors.New("unexpected")

// record returns a record for a partition.
func record(topic string, partition int32, value string) *driver.Record {
	return &driver.Record{Topic: topic, Partition: partition, Value: []byte(value)}
}

// numbered returns n records with the values first, first+1 …, for a partition.
func numbered(topic string, partition int32, first, n int) []*driver.Record {
	records := make([]*driver.Record, n)
	for i := range records {
		records[i] = record(topic, partition, fmt.Sprint(first+i))
	}
	return records
}

// checkNumbered checks that records are those made by [numbered], in order.
func (f *fixture) checkNumbered(records []driver.Record, first int) {
	f.Helper()
	for i, r := range records {
		if want := fmt.Sprint(first + i); string(r.Value) != want {
			f.Fatalf("record %d at offset %d of partition %d is %q, want %q", i, r.Offset, r.Partition, r.Value, want)
		}
	}
}

// random returns n bytes that can't be compressed.
func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

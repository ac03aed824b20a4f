package kafkatest

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/driver"
)

// Create creates a topic and returns its name.
func Create(tb testing.TB, d driver.Driver, partitions int32) string {
	tb.Helper()
	return create(tb, d, driver.Topic{Partitions: partitions})
}

// create creates a topic like t, under a name of its own, and returns that.
func create(tb testing.TB, d driver.Driver, t driver.Topic) string {
	tb.Helper()
	t.Name = "topic-" + rand.Text()
	if err := d.Create(tb.Context(), t); err != nil {
		tb.Fatalf("create topic: %v", err)
	}
	return t.Name
}

// Read reads partition 0 of a topic.
func Read(tb testing.TB, d driver.Driver, topic string, offset int64) driver.Reader {
	tb.Helper()
	r, err := d.Read(tb.Context(), driver.Partition{Topic: topic}, offset)
	if err != nil {
		tb.Fatalf("read: %v", err)
	}
	return r
}

// Receive receives n records.
func Receive(tb testing.TB, r driver.Reader, n int) []driver.Record {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 30*time.Second)
	defer cancel()
	var all []driver.Record
	buf := make([]driver.Record, 100)
	for len(all) < n {
		got, err := r.Receive(ctx, buf)
		if err != nil {
			tb.Fatalf("receive after %d of %d records: %v", len(all), n, err)
		}
		all = append(all, buf[:got]...)
	}
	return all
}

// Numbers returns n values, which count from first on.
func Numbers(first, n int) [][]byte {
	values := make([][]byte, n)
	for i := range values {
		values[i] = fmt.Append(nil, first+i)
	}
	return values
}

// PublishOne waits for the outcome of one record.
func PublishOne(ctx context.Context, d driver.Driver, r *driver.Record) error {
	outcome := make(chan error, 1)
	d.Publish(ctx, r, func(_ *driver.Record, err error) { outcome <- err })
	return <-outcome
}

// outcomes collects what done is called with, in the order of publishing.
type outcomes struct {
	wait sync.WaitGroup
	errs []error
}

// publish hands records with the values to partition 0 of a topic.
func publish(ctx context.Context, d driver.Driver, topic string, values ...[]byte) *outcomes {
	o := &outcomes{errs: make([]error, len(values))}
	for i, value := range values {
		o.wait.Add(1)
		d.Publish(ctx, &driver.Record{Topic: topic, Value: value}, func(_ *driver.Record, err error) {
			o.errs[i] = err
			o.wait.Done()
		})
	}
	return o
}

func (o *outcomes) get() []error {
	o.wait.Wait()
	return o.errs
}

// fill publishes records with the values to partition 0 of a topic.
func fill(tb testing.TB, d driver.Driver, topic string, values ...[]byte) {
	tb.Helper()
	for _, err := range publish(tb.Context(), d, topic, values...).get() {
		if err != nil {
			tb.Fatalf("publish: %v", err)
		}
	}
}

// A Comparison says how the values that were written differ from those wanted. It
// returns nil if they do not.
type Comparison func(got, want [][]byte) error

// InOrder wants the values in order.
func InOrder(got, want [][]byte) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d records are written, want %d", len(got), len(want))
	}
	for i := range want {
		if !bytes.Equal(got[i], want[i]) {
			return fmt.Errorf("record %d of those written is %.20q, want %.20q", i, got[i], want[i])
		}
	}
	return nil
}

// EachOnce wants each value once, in any order. It is for a client that has
// records of a partition which it can't hold back any more when one before them
// fails.
func EachOnce(got, want [][]byte) error {
	return InOrder(sorted(got), sorted(want))
}

func sorted(values [][]byte) [][]byte {
	return slices.SortedFunc(slices.Values(values), bytes.Compare)
}

// valuesOf receives n records, and returns their values.
func valuesOf(tb testing.TB, r driver.Reader, n int) [][]byte {
	tb.Helper()
	var values [][]byte
	for _, r := range Receive(tb, r, n) {
		values = append(values, r.Value)
	}
	return values
}

package confluent_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// raw returns a client without the driver.
func raw(tb testing.TB, addr string, opts ...kgo.Opt) *kgo.Client {
	tb.Helper()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(addr))...)
	if err != nil {
		tb.Fatalf("connect: %v", err)
	}
	tb.Cleanup(client.Close)
	return client
}

// fake starts a broker that a test can tamper with.
func fake(tb testing.TB, opts ...kfake.Opt) *kfake.Cluster {
	tb.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		tb.Fatalf("start broker: %v", err)
	}
	tb.Cleanup(cluster.Close)
	return cluster
}

func create(tb testing.TB, d driver.Driver, partitions int32) string {
	tb.Helper()
	topic := driver.Topic{Name: "topic-" + rand.Text(), Partitions: partitions}
	if err := d.Create(tb.Context(), topic); err != nil {
		tb.Fatalf("create topic: %v", err)
	}
	return topic.Name
}

func read(tb testing.TB, d driver.Driver, topic string, offset int64) driver.Reader {
	tb.Helper()
	r, err := d.Read(tb.Context(), driver.Partition{Topic: topic}, offset)
	if err != nil {
		tb.Fatalf("read: %v", err)
	}
	return r
}

// receive receives n records.
func receive(tb testing.TB, r driver.Reader, n int) []driver.Record {
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

// isCode says whether an error is, or wraps, one of librdkafka with this code.
func isCode(err error, code kafka.ErrorCode) bool {
	e, ok := errors.AsType[kafka.Error](err)
	return ok && e.Code() == code
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

// publishOne waits for the outcome of one record.
func publishOne(ctx context.Context, d driver.Driver, r *driver.Record) error {
	outcome := make(chan error, 1)
	d.Publish(ctx, r, func(_ *driver.Record, err error) { outcome <- err })
	return <-outcome
}

func numbers(first, n int) [][]byte {
	values := make([][]byte, n)
	for i := range values {
		values[i] = fmt.Append(nil, first+i)
	}
	return values
}

// A member is a group and its listener.
type member struct {
	driver.Group
	assigned, revoked, lost int
	records                 []driver.Record
	onAssigned              func() // called by Assigned if it is set
}

func join(tb testing.TB, d driver.Driver, group, topic string) *member {
	tb.Helper()
	m := &member{}
	g, err := d.Join(tb.Context(), group, []string{topic}, m)
	if err != nil {
		tb.Fatalf("join: %v", err)
	}
	m.Group = g
	return m
}

// Assigned implements [driver.Listener].
func (m *member) Assigned([]driver.Partition) {
	m.assigned++
	if m.onAssigned != nil {
		m.onAssigned()
	}
}

func (m *member) Revoked(context.Context, []driver.Partition) { m.revoked++ }
func (m *member) Lost([]driver.Partition)                     { m.lost++ }

// receiveUntil receives until a condition holds.
func (m *member) receiveUntil(tb testing.TB, condition func() bool) {
	tb.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !condition() {
		m.receiveOnce(tb)
		if time.Now().After(deadline) {
			tb.Fatalf("received in vain: %d records, %d assigned, %d lost", len(m.records), m.assigned, m.lost)
		}
	}
}

// receiveOnce receives for a moment.
func (m *member) receiveOnce(tb testing.TB) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 20*time.Millisecond)
	defer cancel()
	buf := make([]driver.Record, 100)
	n, err := m.Receive(ctx, buf)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		tb.Fatalf("receive: %v", err)
	}
	m.records = append(m.records, buf[:n]...)
}

package kafkatest

import (
	"os"
	"sync"
	"testing"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/embedded"
)

const (
	// InFlight is how many records are on their way at once in [BenchmarkPublish].
	InFlight = 10_000
	// Received is how many records the topic of [BenchmarkReceive] has.
	Received = 100_000
)

// BenchmarkAddr returns the address of Apache Kafka if there is one, else that of a
// broker in the process. That allocates as well, the same for all that is compared.
func BenchmarkAddr(b *testing.B) string {
	b.Helper()
	if addr := os.Getenv("ASYNCCALLS_KAFKA"); addr != "" {
		return addr
	}
	return Start(b, embedded.Options{}).Addr()
}

// BenchmarkRecord returns a record as it is published in benchmarks, with one
// header. The partition is any.
func BenchmarkRecord(topic string) *driver.Record {
	return &driver.Record{
		Topic: topic, Partition: -1, Value: make([]byte, 100),
		Headers: []driver.Header{{Key: "ac", Value: []byte("v1 q 0123456789abcdef /echo a-client")}},
	}
}

// BenchmarkPublish publishes records to four partitions.
func BenchmarkPublish(b *testing.B, d driver.Driver) {
	topic := Create(b, d, 4)
	free := make(chan *driver.Record, InFlight)
	record := *BenchmarkRecord(topic)
	for range InFlight {
		r := record
		free <- &r
	}
	var failures sync.Map
	done := func(r *driver.Record, err error) {
		if err != nil {
			failures.Store(err.Error(), true)
		}
		free <- r
	}
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		r := <-free
		r.Partition = -1
		d.Publish(ctx, r, done)
	}
	if err := d.Flush(ctx); err != nil {
		b.Errorf("flush: %v", err)
	}
	failures.Range(func(err, _ any) bool { b.Errorf("publish: %v", err); return true })
}

// BenchmarkTopic returns a topic for [BenchmarkReceive], filled by d.
func BenchmarkTopic(b *testing.B, d driver.Driver) string {
	b.Helper()
	topic := Create(b, d, 1)
	record := *BenchmarkRecord(topic)
	var published sync.WaitGroup
	for range Received {
		published.Add(1)
		r := record
		d.Publish(b.Context(), &r, func(*driver.Record, error) { published.Done() })
	}
	published.Wait()
	return topic
}

// BenchmarkReceive receives the same partition again and again.
func BenchmarkReceive(b *testing.B, d driver.Driver, topic string) {
	buf := make([]driver.Record, 1000)
	b.ReportAllocs()
	for n := 0; n < b.N; {
		reader := Read(b, d, topic, 0)
		for got := 0; got < Received && n < b.N; {
			k, err := reader.Receive(b.Context(), buf)
			if err != nil {
				b.Fatalf("receive: %v", err)
			}
			got += k
			n += k
		}
		_ = reader.Close()
	}
}

// BenchmarkRoundTrip publishes one record at a time and receives it.
func BenchmarkRoundTrip(b *testing.B, d driver.Driver) {
	topic := Create(b, d, 1)
	reader := Read(b, d, topic, -1)
	buf := make([]driver.Record, 10)
	r := &driver.Record{Topic: topic, Value: []byte("value")}
	done := func(*driver.Record, error) {}
	for b.Loop() {
		d.Publish(b.Context(), r, done)
		if _, err := reader.Receive(b.Context(), buf); err != nil {
			b.Fatalf("receive: %v", err)
		}
		_ = d.Flush(b.Context())
	}
}

package franz_test

import (
	"os"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/embedded"
)

// The benchmarks compare the driver with franz-go alone, on Apache Kafka if
// there is one. The broker inside the process allocates as well, the same for
// both.

func benchmarkAddr(b *testing.B) string {
	b.Helper()
	if addr := os.Getenv("ASYNCCALLS_KAFKA"); addr != "" {
		return addr
	}
	return start(b, embedded.Options{}).Addr()
}

func benchmarkClient(b *testing.B, addr string, opts ...kgo.Opt) *kgo.Client {
	b.Helper()
	return raw(b, addr, append(opts, kgo.ProducerLinger(0), kgo.MaxBufferedRecords(100_000))...)
}

// inFlight is how many records are on their way at once.
const inFlight = 10_000

func BenchmarkPublish(b *testing.B) {
	addr := benchmarkAddr(b)
	value, header := make([]byte, 100), []byte("v1 q 0123456789abcdef /echo a-client")

	b.Run("franz", func(b *testing.B) {
		d := open(b, addr)
		topic := create(b, d, 4)
		free := make(chan *driver.Record, inFlight)
		for range inFlight {
			free <- &driver.Record{Topic: topic, Value: value, Headers: []driver.Header{{Key: "ac", Value: header}}}
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
	})

	b.Run("kgo", func(b *testing.B) {
		topic := create(b, open(b, addr), 4)
		client := benchmarkClient(b, addr)
		free := make(chan *kgo.Record, inFlight)
		for range inFlight {
			free <- &kgo.Record{Topic: topic, Value: value, Headers: []kgo.RecordHeader{{Key: "ac", Value: header}}}
		}
		done := func(r *kgo.Record, err error) {
			if err != nil {
				b.Errorf("produce: %v", err)
			}
			free <- r
		}
		ctx := b.Context()
		b.ReportAllocs()
		for b.Loop() {
			client.Produce(ctx, <-free, done)
		}
		if err := client.Flush(ctx); err != nil {
			b.Errorf("flush: %v", err)
		}
	})
}

// BenchmarkReceive receives the same partition again and again.
func BenchmarkReceive(b *testing.B) {
	const records = 100_000
	addr := benchmarkAddr(b)
	d := open(b, addr)
	topic := create(b, d, 1)
	value, header := make([]byte, 100), []byte("v1 q 0123456789abcdef /echo a-client")
	var published sync.WaitGroup
	for range records {
		published.Add(1)
		d.Publish(b.Context(),
			&driver.Record{Topic: topic, Value: value, Headers: []driver.Header{{Key: "ac", Value: header}}},
			func(*driver.Record, error) { published.Done() })
	}
	published.Wait()

	b.Run("franz", func(b *testing.B) {
		buf := make([]driver.Record, 1000)
		b.ReportAllocs()
		for n := 0; n < b.N; {
			reader := read(b, d, topic, 0)
			for got := 0; got < records && n < b.N; {
				k, err := reader.Receive(b.Context(), buf)
				if err != nil {
					b.Fatalf("receive: %v", err)
				}
				got += k
				n += k
			}
			_ = reader.Close()
		}
	})

	b.Run("kgo", func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; n < b.N; {
			client := benchmarkClient(b, addr, kgo.ConsumePartitions(
				map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(0)}}))
			for got := 0; got < records && n < b.N; {
				k := client.PollRecords(b.Context(), 1000).NumRecords()
				got += k
				n += k
			}
			client.Close()
		}
	})
}

// BenchmarkRoundTrip publishes one record at a time and receives it.
func BenchmarkRoundTrip(b *testing.B) {
	addr := benchmarkAddr(b)
	b.Run("franz", func(b *testing.B) { roundTrips(b, addr) })
	b.Run("kgo", func(b *testing.B) { rawRoundTrips(b, addr) })
}

func roundTrips(b *testing.B, addr string) {
	d := open(b, addr)
	topic := create(b, d, 1)
	reader := read(b, d, topic, -1)
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

func rawRoundTrips(b *testing.B, addr string) {
	topic := create(b, open(b, addr), 1)
	producer := benchmarkClient(b, addr)
	consumer := benchmarkClient(b, addr, kgo.ConsumePartitions(
		map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(0)}}))
	done := func(*kgo.Record, error) {}
	for b.Loop() {
		producer.Produce(b.Context(), &kgo.Record{Topic: topic, Value: []byte("value")}, done)
		consumer.PollRecords(b.Context(), 10)
		_ = producer.Flush(b.Context())
	}
}

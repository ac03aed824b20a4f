package franz_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/asynccalls/asynccalls/internal/drivers/kafkatest"
)

// The benchmarks compare the driver with franz-go alone.

func benchmarkClient(b *testing.B, addr string, opts ...kgo.Opt) *kgo.Client {
	b.Helper()
	return kafkatest.Raw(b, addr, append(opts, kgo.ProducerLinger(0), kgo.MaxBufferedRecords(100_000))...)
}

func BenchmarkPublish(b *testing.B) {
	addr := kafkatest.BenchmarkAddr(b)
	b.Run("franz", func(b *testing.B) { kafkatest.BenchmarkPublish(b, open(b, addr)) })
	b.Run("kgo", func(b *testing.B) {
		topic := kafkatest.Create(b, open(b, addr), 4)
		client := benchmarkClient(b, addr)
		free := make(chan *kgo.Record, kafkatest.InFlight)
		r := kafkatest.BenchmarkRecord(topic)
		header := kgo.RecordHeader{Key: r.Headers[0].Key, Value: r.Headers[0].Value}
		for range kafkatest.InFlight {
			free <- &kgo.Record{Topic: topic, Value: r.Value, Headers: []kgo.RecordHeader{header}}
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
	addr := kafkatest.BenchmarkAddr(b)
	d := open(b, addr)
	topic := kafkatest.BenchmarkTopic(b, d)
	b.Run("franz", func(b *testing.B) { kafkatest.BenchmarkReceive(b, d, topic) })
	b.Run("kgo", func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; n < b.N; {
			client := benchmarkClient(b, addr, kgo.ConsumePartitions(
				map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(0)}}))
			for got := 0; got < kafkatest.Received && n < b.N; {
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
	addr := kafkatest.BenchmarkAddr(b)
	b.Run("franz", func(b *testing.B) { kafkatest.BenchmarkRoundTrip(b, open(b, addr)) })
	b.Run("kgo", func(b *testing.B) { rawRoundTrips(b, addr) })
}

func rawRoundTrips(b *testing.B, addr string) {
	topic := kafkatest.Create(b, open(b, addr), 1)
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

package confluent_test

import (
	"os"
	"sync"
	"testing"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/embedded"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

// The benchmarks compare the driver with confluent-kafka-go alone, and with the
// driver franz, on Apache Kafka if there is one. The broker inside the process
// allocates as well, the same for all.

func benchmarkAddr(b *testing.B) string {
	b.Helper()
	if addr := os.Getenv("ASYNCCALLS_KAFKA"); addr != "" {
		return addr
	}
	return start(b, embedded.Options{}).Addr()
}

// benchmarkBoth runs a benchmark on the driver, and on franz.
func benchmarkBoth(b *testing.B, addr string, run func(b *testing.B, d driver.Driver)) {
	b.Helper()
	drivers := both(b, addr)
	for _, name := range []string{"confluent", "franz"} {
		b.Run(name, func(b *testing.B) { run(b, drivers[name]) })
	}
}

// inFlight is how many records are on their way at once.
const inFlight = 10_000

func BenchmarkPublish(b *testing.B) {
	addr := benchmarkAddr(b)
	value, header := make([]byte, 100), []byte("v1 q 0123456789abcdef /echo a-client")

	benchmarkBoth(b, addr, func(b *testing.B, d driver.Driver) {
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

	b.Run("kafka", func(b *testing.B) {
		topic := create(b, open(b, addr), 4)
		producer := benchmarkProducer(b, addr)
		free := make(chan struct{}, inFlight)
		for range inFlight {
			free <- struct{}{}
		}
		go func() {
			for range producer.Events() {
				free <- struct{}{}
			}
		}()
		b.ReportAllocs()
		for b.Loop() {
			<-free
			m := &kafka.Message{
				TopicPartition: kafka.TopicPartition{Topic: &topic, Partition: kafka.PartitionAny},
				Value:          value,
				Headers:        []kafka.Header{{Key: "ac", Value: header}},
			}
			if err := producer.Produce(m, nil); err != nil {
				b.Fatalf("produce: %v", err)
			}
		}
		for range inFlight {
			<-free
		}
	})
}

func benchmarkProducer(b *testing.B, addr string) *kafka.Producer {
	b.Helper()
	producer, err := kafka.NewProducer(&kafka.ConfigMap{
		"bootstrap.servers": addr, "enable.idempotence": true, "linger.ms": 0, "go.delivery.report.fields": "none",
	})
	if err != nil {
		b.Fatalf("connect: %v", err)
	}
	b.Cleanup(producer.Close)
	return producer
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

	benchmarkBoth(b, addr, func(b *testing.B, d driver.Driver) {
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

	b.Run("kafka", func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; n < b.N; {
			consumer := benchmarkConsumer(b, addr, topic)
			for got := 0; got < records && n < b.N; {
				if _, ok := consumer.Poll(100).(*kafka.Message); ok {
					got++
					n++
				}
			}
			_ = consumer.Close()
		}
	})
}

func benchmarkConsumer(b *testing.B, addr, topic string) *kafka.Consumer {
	b.Helper()
	consumer, err := kafka.NewConsumer(&kafka.ConfigMap{"bootstrap.servers": addr, "group.id": "none"})
	if err != nil {
		b.Fatalf("connect: %v", err)
	}
	if err := consumer.Assign([]kafka.TopicPartition{{Topic: &topic, Offset: 0}}); err != nil {
		b.Fatalf("assign: %v", err)
	}
	return consumer
}

// BenchmarkRoundTrip publishes one record at a time and receives it.
func BenchmarkRoundTrip(b *testing.B) {
	benchmarkBoth(b, benchmarkAddr(b), func(b *testing.B, d driver.Driver) {
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
	})
}

package confluent_test

import (
	"testing"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/drivers/kafkatest"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

// The benchmarks compare the driver with confluent-kafka-go alone, and with the
// driver franz.

// benchmarkBoth runs a benchmark on the driver, and on franz.
func benchmarkBoth(b *testing.B, addr string, run func(b *testing.B, d driver.Driver)) {
	b.Helper()
	drivers := both(b, addr)
	for _, name := range []string{"confluent", "franz"} {
		b.Run(name, func(b *testing.B) { run(b, drivers[name]) })
	}
}

func BenchmarkPublish(b *testing.B) {
	addr := kafkatest.BenchmarkAddr(b)
	benchmarkBoth(b, addr, kafkatest.BenchmarkPublish)
	b.Run("kafka", func(b *testing.B) {
		topic := kafkatest.Create(b, open(b, addr), 4)
		r := kafkatest.BenchmarkRecord(topic)
		producer := benchmarkProducer(b, addr)
		free := make(chan struct{}, kafkatest.InFlight)
		for range kafkatest.InFlight {
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
				Value:          r.Value,
				Headers:        []kafka.Header{{Key: r.Headers[0].Key, Value: r.Headers[0].Value}},
			}
			if err := producer.Produce(m, nil); err != nil {
				b.Fatalf("produce: %v", err)
			}
		}
		for range kafkatest.InFlight {
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
	addr := kafkatest.BenchmarkAddr(b)
	topic := kafkatest.BenchmarkTopic(b, open(b, addr))
	benchmarkBoth(b, addr, func(b *testing.B, d driver.Driver) { kafkatest.BenchmarkReceive(b, d, topic) })
	b.Run("kafka", func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; n < b.N; {
			consumer := benchmarkConsumer(b, addr, topic)
			for got := 0; got < kafkatest.Received && n < b.N; {
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
	benchmarkBoth(b, kafkatest.BenchmarkAddr(b), kafkatest.BenchmarkRoundTrip)
}

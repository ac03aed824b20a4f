package franz_test

import (
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/embedded"
	"github.com/asynccalls/asynccalls/internal/drivers/kafkatest"
)

func TestNoBroker(t *testing.T) {
	t.Parallel()
	kafkatest.NoBroker(t, with())
}

func TestNoBrokerWaits(t *testing.T) {
	t.Parallel()
	kafkatest.NoBrokerWaits(t, with())
}

func TestTopicsSayWhy(t *testing.T) {
	t.Parallel()
	kafkatest.TopicsSayWhy(t, with(), isUnauthorized)
}

// TestReceiveBoundsDecompression publishes a small batch that is large when it
// is decompressed.
func TestReceiveBoundsDecompression(t *testing.T) {
	t.Parallel()
	addr := kafkatest.Start(t, embedded.Options{}).Addr()
	d := open(t, addr, kgo.MaxDecompressBatchBytes(100_000))
	topic := kafkatest.Create(t, d, 1)
	producer := kafkatest.Raw(t, addr, kgo.ProducerBatchCompression(kgo.GzipCompression()))
	for _, value := range [][]byte{[]byte("0"), make([]byte, 900_000), []byte("2")} {
		if err := producer.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: value}).FirstErr(); err != nil {
			t.Fatalf("produce: %v", err)
		}
	}
	reader := kafkatest.Read(t, d, topic, 0)
	if r := kafkatest.Receive(t, reader, 1)[0]; string(r.Value) != "0" {
		t.Errorf("received %q, want %q", r.Value, "0")
	}
	_, err := reader.Receive(t.Context(), make([]driver.Record, 10))
	want := driver.LostError{Partition: driver.Partition{Topic: topic}, From: 1, To: 2}
	if lost, ok := errors.AsType[*driver.LostError](err); !ok || *lost != want {
		t.Errorf("receive: error %v, want %v", err, &want)
	}
	if r := kafkatest.Receive(t, reader, 1)[0]; string(r.Value) != "2" {
		t.Errorf("received %q, want %q", r.Value, "2")
	}
}

func TestReceiveNotAuthorized(t *testing.T) {
	t.Parallel()
	kafkatest.ReceiveNotAuthorized(t, with(), isUnauthorized)
}

func TestReceiveLarge(t *testing.T) {
	t.Parallel()
	kafkatest.ReceiveLarge(t, with(kgo.FetchMaxBytes(2000), kgo.FetchMaxPartitionBytes(1000)))
}

func TestReadNegativeOffset(t *testing.T) {
	t.Parallel()
	kafkatest.ReadNegativeOffset(t, with())
}

func TestPositionPassesTransactions(t *testing.T) {
	t.Parallel()
	kafkatest.PositionPassesTransactions(t, with())
}

func TestCommitStoresAll(t *testing.T) {
	t.Parallel()
	kafkatest.CommitStoresAll(t, with())
}

func TestCommitObeysContext(t *testing.T) {
	t.Parallel()
	kafkatest.CommitObeysContext(t, with())
}

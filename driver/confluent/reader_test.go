package confluent_test

import (
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/embedded"
	"github.com/asynccalls/asynccalls/internal/drivers/kafkatest"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/asynccalls/asynccalls/driver/confluent"
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

func TestReceiveNotAuthorized(t *testing.T) {
	t.Parallel()
	kafkatest.ReceiveNotAuthorized(t, with(), isUnauthorized)
}

func TestReceiveLarge(t *testing.T) {
	t.Parallel()
	kafkatest.ReceiveLarge(t, with(kafka.ConfigMap{"fetch.max.bytes": 1_000_000, "fetch.message.max.bytes": 1000}))
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

// TestCommitObeysContext also has the broker come back: the client, which can't take
// a commit back, gets its answer, and ends.
func TestCommitObeysContext(t *testing.T) {
	t.Parallel()
	group, addr := kafkatest.CommitObeysContext(t, with())
	kafkatest.Start(t, embedded.Options{Listen: addr})
	select {
	case <-confluent.Ended(group):
	case <-time.After(time.Minute):
		t.Error("the client does not end, though the broker is back")
	}
}

// TestReceiveAfterSilence has the broker not tell of the topic when the first record
// comes after a silence: the driver can't know whether the topic is the same, and takes
// no record before it does. None is lost.
func TestReceiveAfterSilence(t *testing.T) {
	t.Parallel()
	cluster, addr := kafkatest.Fake(t)
	d := open(t, addr)
	topic := kafkatest.Create(t, d, 1)
	reader := kafkatest.Read(t, d, topic, 0)
	publisher := kafkatest.Raw(t, addr)
	put := func(i int) {
		r := &kgo.Record{Topic: topic, Value: kafkatest.Numbers(i, 1)[0]}
		if err := publisher.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	put(0)
	kafkatest.Receive(t, reader, 1)
	silent := make(chan struct{})
	fetches := 0
	cluster.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if fetches++; fetches == 4 { // each but the first has waited for a quarter of a second
			close(silent)
		}
		return nil, nil, false
	})
	<-silent
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Err: kerr.UnknownTopicOrPartition, Count: 1})
	put(1)
	if r := kafkatest.Receive(t, reader, 1)[0]; string(r.Value) != string(kafkatest.Numbers(1, 1)[0]) || r.Offset != 1 {
		t.Errorf("received %q at offset %d, want the one after the silence", r.Value, r.Offset)
	}
}

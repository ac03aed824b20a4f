package confluent_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/embedded"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/asynccalls/asynccalls/driver/confluent"
)

// TestNoBroker measures real time, with much room.
func TestNoBroker(t *testing.T) {
	t.Parallel()
	d := open(t, "127.0.0.1:1")
	begin := time.Now()
	var topicsErr, createErr error
	var calls sync.WaitGroup
	calls.Go(func() { _, topicsErr = d.Topics(t.Context(), "topic") })
	calls.Go(func() { createErr = d.Create(t.Context(), driver.Topic{Name: "topic"}) })
	calls.Wait()
	for what, err := range map[string]error{"topics": topicsErr, "create": createErr} {
		if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%s without a broker: error %v, want one with the address and the reason", what, err)
		}
	}
	if took := time.Since(begin); took > 8*time.Second {
		t.Errorf("topics and create without a broker took %v", took)
	}
}

func TestNoBrokerWaits(t *testing.T) {
	t.Parallel()
	d := open(t, "127.0.0.1:1")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, joinErr := d.Join(ctx, "group", []string{"topic"}, &member{})
	_, readErr := d.Read(ctx, driver.Partition{Topic: "topic"}, 0)
	for what, err := range map[string]error{"join": joinErr, "read": readErr} {
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "127.0.0.1:1") {
			t.Errorf("%s without a broker: error %v, want that of ctx with the reason", what, err)
		}
	}
}

func TestTopicsSayWhy(t *testing.T) {
	t.Parallel()
	cluster := fake(t)
	d := open(t, cluster.ListenAddrs()[0])
	topic := create(t, d, 1)
	cluster.Fault(kfake.Fault{
		Keys:  []kmsg.Key{kmsg.Metadata, kmsg.CreateTopics, kmsg.DescribeConfigs},
		Err:   kerr.TopicAuthorizationFailed,
		Count: -1,
	})
	if _, err := d.Topics(t.Context(), topic); !isCode(err, kafka.ErrTopicAuthorizationFailed) {
		t.Errorf("topics: error %v, want %v", err, kerr.TopicAuthorizationFailed)
	}
	err := d.Create(t.Context(), driver.Topic{Name: "other"})
	if !isCode(err, kafka.ErrTopicAuthorizationFailed) || !strings.Contains(err.Error(), `"other"`) {
		t.Errorf("create: error %v, want %v with the name", err, kerr.TopicAuthorizationFailed)
	}
}

func TestReceiveNotAuthorized(t *testing.T) {
	t.Parallel()
	cluster := fake(t)
	d := open(t, cluster.ListenAddrs()[0])
	topic := create(t, d, 1)
	reader := read(t, d, topic, 0)
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	for range 2 {
		if _, err := reader.Receive(t.Context(), make([]driver.Record, 10)); !isCode(err, kafka.ErrTopicAuthorizationFailed) {
			t.Errorf("receive: error %v, want %v", err, kerr.TopicAuthorizationFailed)
		}
	}
}

func TestReadNegativeOffset(t *testing.T) {
	t.Parallel()
	d := open(t, "127.0.0.1:1")
	if _, err := d.Read(t.Context(), driver.Partition{Topic: "topic"}, -2); !errors.Is(err, driver.ErrRefused) {
		t.Errorf("read from offset -2: error %v, want %v", err, driver.ErrRefused)
	}
}

func TestCommitStoresAll(t *testing.T) {
	t.Parallel()
	for name, addr := range clusters(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, addr)
			topic := create(t, d, 1)
			publish(t.Context(), d, topic, numbers(0, 5)...).get()
			m := join(t, d, "group-"+topic, topic)
			m.receiveUntil(t, func() bool { return len(m.records) == 5 })
			epoch := m.records[3].Epoch
			p := driver.Position{Partition: driver.Partition{Topic: topic}, Offset: 4, Epoch: epoch, Meta: "meta"}
			if err := m.Commit(t.Context(), p); err != nil {
				t.Fatalf("commit: %v", err)
			}
			stored, err := kadm.NewClient(raw(t, addr)).FetchOffsets(t.Context(), "group-"+topic)
			if err != nil {
				t.Fatalf("fetch offsets: %v", err)
			}
			got, _ := stored.Lookup(topic, 0)
			if got.At != 4 || got.LeaderEpoch != epoch || got.Metadata != "meta" {
				t.Errorf("stored offset %d, epoch %d, metadata %q, want 4, %d, %q",
					got.At, got.LeaderEpoch, got.Metadata, epoch, "meta")
			}
		})
	}
}

// TestCommitObeysContext commits while the broker is away.
func TestCommitObeysContext(t *testing.T) {
	t.Parallel()
	broker := start(t, embedded.Options{})
	d := open(t, broker.Addr())
	topic := create(t, d, 1)
	m := join(t, d, "group", topic)
	m.receiveUntil(t, func() bool { return m.assigned > 0 })
	_ = broker.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := m.Commit(ctx, driver.Position{Partition: driver.Partition{Topic: topic}, Epoch: -1})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("commit without a broker: error %v, want %v", err, context.DeadlineExceeded)
	}
	begin := time.Now()
	if err := d.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("close without a broker took %v", took)
	}
	start(t, embedded.Options{Listen: broker.Addr()}) // so that the client gets its answer, and ends
	select {
	case <-confluent.Ended(m.Group):
	case <-time.After(time.Minute):
		t.Error("the client does not end, though the broker is back")
	}
}

// TestReceiveLarge receives a record larger than a fetch is meant to be.
func TestReceiveLarge(t *testing.T) {
	t.Parallel()
	addr := start(t, embedded.Options{}).Addr()
	d := open(t, addr, kafka.ConfigMap{"fetch.max.bytes": 1_000_000, "fetch.message.max.bytes": 1000})
	topic := create(t, d, 1)
	value := bytes.Repeat([]byte("0123456789abcdef"), 60_000)
	if err := publishOne(t.Context(), d, &driver.Record{Topic: topic, Value: value}); err != nil {
		t.Fatalf("publish: %v", err)
	}
	if r := receive(t, read(t, d, topic, 0), 1)[0]; !bytes.Equal(r.Value, value) {
		t.Errorf("received %d bytes, want the %d published", len(r.Value), len(value))
	}
}

// TestReceiveAfterSilence has the broker not tell of the topic when the first record
// comes after a silence: the driver can't know whether the topic is the same, and takes
// no record before it does. None is lost.
func TestReceiveAfterSilence(t *testing.T) {
	t.Parallel()
	cluster := fake(t)
	addr := cluster.ListenAddrs()[0]
	d := open(t, addr)
	topic := create(t, d, 1)
	reader := read(t, d, topic, 0)
	publisher := raw(t, addr)
	put := func(i int) {
		r := &kgo.Record{Topic: topic, Value: numbers(i, 1)[0]}
		if err := publisher.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	put(0)
	receive(t, reader, 1)
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
	if r := receive(t, reader, 1)[0]; string(r.Value) != string(numbers(1, 1)[0]) || r.Offset != 1 {
		t.Errorf("received %q at offset %d, want the one after the silence", r.Value, r.Offset)
	}
}

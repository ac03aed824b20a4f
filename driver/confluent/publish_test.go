package confluent_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/embedded"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestPublishLearnsLimit lets the broker not tell the limit of a topic at first:
// no batch may come that is too large, since others could overtake it then.
func TestPublishLearnsLimit(t *testing.T) {
	t.Parallel()
	const limit = 20_000
	cluster := fake(t)
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeConfigs}, Err: kerr.RequestTimedOut, Count: 3})
	cluster.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		for _, p := range r.(*kmsg.ProduceRequest).Topics[0].Partitions {
			if len(p.Records) > limit {
				t.Errorf("batch of %d bytes, the topic accepts %d", len(p.Records), limit)
			}
		}
		return nil, nil, false
	})
	d := open(t, cluster.ListenAddrs()[0])
	topic := "topic-" + rand.Text()
	if err := d.Create(t.Context(), driver.Topic{Name: topic, Partitions: 1, MaxBytes: limit}); err != nil {
		t.Fatalf("create topic: %v", err)
	}
	values := numbers(0, 3000)
	values[500] = make([]byte, limit)
	for i, err := range publish(t.Context(), d, topic, values...).get() {
		if _, large := errors.AsType[*driver.TooLargeError](err); large != (i == 500) || err != nil && !large {
			t.Errorf("record %d ended with error %v", i, err)
		}
	}
	want := slices.Delete(values, 500, 501)
	for i, r := range receive(t, read(t, d, topic, 0), len(want)) {
		if !bytes.Equal(r.Value, want[i]) {
			t.Fatalf("record at offset %d is %q, want %q", r.Offset, r.Value, want[i])
		}
	}
}

func TestPublishNotAuthorized(t *testing.T) {
	t.Parallel()
	cluster := fake(t)
	d := open(t, cluster.ListenAddrs()[0])
	topic := create(t, d, 1)
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	for _, err := range publish(t.Context(), d, topic, numbers(0, 10)...).get() {
		if !errors.Is(err, driver.ErrRefused) || !isCode(err, kafka.ErrTopicAuthorizationFailed) {
			t.Errorf("record ended with error %v, want %v with its reason", err, driver.ErrRefused)
		}
	}
}

// TestPublishMissingIsQuick measures real time, with much room.
func TestPublishMissingIsQuick(t *testing.T) {
	t.Parallel()
	for name, addr := range clusters(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, addr)
			topic := create(t, d, 2)
			records := map[string]*driver.Record{
				"topic":           {Topic: "missing-" + rand.Text(), Partition: -1},
				"topic again":     {Topic: "missing-" + rand.Text(), Partition: 0},
				"partition":       {Topic: topic, Partition: 2},
				"partition again": {Topic: topic, Partition: 99},
			}
			for what, r := range records {
				for range 2 {
					begin := time.Now()
					if err := publishOne(t.Context(), d, r); !errors.Is(err, driver.ErrNoTopic) {
						t.Errorf("missing %s: error %v, want %v", what, err, driver.ErrNoTopic)
					}
					if took := time.Since(begin); took > 8*time.Second {
						t.Errorf("missing %s took %v", what, took)
					}
				}
			}
		})
	}
}

// TestPublishNewPartition publishes to a partition that the client learned
// nothing of yet.
func TestPublishNewPartition(t *testing.T) {
	t.Parallel()
	for name, addr := range clusters(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, addr)
			topic := create(t, d, 1)
			if err := publishOne(t.Context(), d, &driver.Record{Topic: topic}); err != nil {
				t.Fatalf("publish: %v", err)
			}
			grow(t, kadm.NewClient(raw(t, addr)), topic, 3)
			r := &driver.Record{Topic: topic, Partition: 2}
			if err := publishOne(t.Context(), d, r); err != nil || r.Partition != 2 {
				t.Errorf("publish to a new partition: partition %d and error %v, want 2 and none", r.Partition, err)
			}
		})
	}
}

// grow gives a topic so many partitions in all. The brokers of a cluster hear of that a
// little later than it is done.
func grow(t *testing.T, admin *kadm.Client, topic string, all int) {
	t.Helper()
	if _, err := admin.UpdatePartitions(t.Context(), all, topic); err != nil {
		t.Fatalf("create partitions: %v", err)
	}
	for {
		topics, err := admin.ListTopics(t.Context(), topic)
		if err == nil && len(topics[topic].Partitions) == all {
			return
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatalf("topic %q has %d partitions and error %v, want %d", topic, len(topics[topic].Partitions), err, all)
		}
	}
}

func TestPublishWithoutTopic(t *testing.T) {
	t.Parallel()
	d := open(t, "127.0.0.1:1")
	if err := publishOne(t.Context(), d, &driver.Record{}); !errors.Is(err, driver.ErrNoTopic) {
		t.Errorf("publish: error %v, want %v", err, driver.ErrNoTopic)
	}
}

// TestPublishBounded fills the buffer while the broker is away.
func TestPublishBounded(t *testing.T) {
	t.Parallel()
	tests := map[string]kafka.ConfigMap{
		"records":   {"queue.buffering.max.messages": 3},
		"kilobytes": {"queue.buffering.max.kbytes": 1},
	}
	for name, settings := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, "127.0.0.1:1", settings)
			value := make([]byte, 300)
			within := publish(t.Context(), d, "topic", value, value, value)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			beyond := publishOne(ctx, d, &driver.Record{Topic: "topic", Value: value})
			if !errors.Is(beyond, context.DeadlineExceeded) || errors.Is(beyond, driver.ErrUnknownOutcome) {
				t.Errorf("publish beyond the bound: error %v, want %v", beyond, context.DeadlineExceeded)
			}
			waiting := make(chan error, 1)
			go d.Publish(t.Context(), &driver.Record{Topic: "topic", Value: value},
				func(_ *driver.Record, err error) { waiting <- err })
			if err := d.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			for _, err := range within.get() {
				if !errors.Is(err, driver.ErrRefused) { // the client has not got it
					t.Errorf("record in the buffer ended with error %v, want %v", err, driver.ErrRefused)
				}
			}
			if err := <-waiting; !errors.Is(err, driver.ErrRefused) {
				t.Errorf("record that waited ended with error %v, want %v", err, driver.ErrRefused)
			}
		})
	}
}

func TestPublishLargerThanBuffer(t *testing.T) {
	t.Parallel()
	d := open(t, "127.0.0.1:1", kafka.ConfigMap{"queue.buffering.max.kbytes": 1})
	err := publishOne(t.Context(), d, &driver.Record{Topic: "topic", Value: make([]byte, 1025)})
	if large, ok := errors.AsType[*driver.TooLargeError](err); !ok || large.Limit != 1024 {
		t.Errorf("publish: error %v, want a TooLargeError with limit 1024", err)
	}
}

// TestPublishAfterRestart keeps records while the broker is away.
func TestPublishAfterRestart(t *testing.T) {
	t.Parallel()
	options := embedded.Options{Dir: t.TempDir()}
	first := start(t, options)
	d := open(t, first.Addr())
	topic := create(t, d, 1)
	reader := read(t, d, topic, 0)
	m := join(t, d, "group", topic)
	for _, err := range publish(t.Context(), d, topic, numbers(0, 10)...).get() {
		if err != nil {
			t.Fatalf("publish: %v", err)
		}
	}
	receive(t, reader, 10)
	m.receiveUntil(t, func() bool { return len(m.records) == 10 })

	_ = first.Close()
	during := publish(t.Context(), d, topic, numbers(10, 10)...)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := reader.Receive(ctx, make([]driver.Record, 1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("receive without a broker: error %v, want %v", err, context.DeadlineExceeded)
	}
	options.Listen = first.Addr()
	start(t, options)
	for _, err := range during.get() {
		if err != nil {
			t.Errorf("publish: %v", err)
		}
	}
	for i, r := range receive(t, reader, 10) {
		if want := fmt.Sprint(10 + i); string(r.Value) != want {
			t.Errorf("received %q, want %q", r.Value, want)
		}
	}
	m.receiveUntil(t, func() bool {
		return len(m.records) > 0 && string(m.records[len(m.records)-1].Value) == "19"
	})
}

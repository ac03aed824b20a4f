package kafkatest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/embedded"
)

// PublishNotAuthorized has the broker refuse all records for want of a right: they
// are refused, and the error has the reason. Unauthorized says whether an error is,
// or wraps, what the client library makes of [kerr.TopicAuthorizationFailed].
func PublishNotAuthorized(t *testing.T, open Open, unauthorized func(error) bool) {
	cluster, addr := Fake(t)
	d := open(t, addr)
	topic := Create(t, d, 1)
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	for _, err := range publish(t.Context(), d, topic, Numbers(0, 10)...).get() {
		if !isRefused(err) || !unauthorized(err) {
			t.Errorf("record ended with error %v, want %v with its reason", err, driver.ErrRefused)
		}
	}
}

// PublishMissingIsQuick publishes to what does not exist. It measures real time,
// with much room.
func PublishMissingIsQuick(t *testing.T, open Open) {
	onClusters(t, func(t *testing.T, addr string) {
		d := open(t, addr)
		topic := Create(t, d, 2)
		records := map[string]*driver.Record{
			"topic":           {Topic: "missing-" + rand.Text(), Partition: -1},
			"topic again":     {Topic: "missing-" + rand.Text(), Partition: 0},
			"partition":       {Topic: topic, Partition: 2},
			"partition again": {Topic: topic, Partition: 99},
		}
		for what, r := range records {
			for range 2 {
				begin := time.Now()
				if err := PublishOne(t.Context(), d, r); !errors.Is(err, driver.ErrNoTopic) {
					t.Errorf("missing %s: error %v, want %v", what, err, driver.ErrNoTopic)
				}
				if took := time.Since(begin); took > 8*time.Second {
					t.Errorf("missing %s took %v", what, took)
				}
			}
		}
	})
}

// PublishNewPartition publishes to a partition that the client learned nothing of
// yet.
func PublishNewPartition(t *testing.T, open Open) {
	onClusters(t, func(t *testing.T, addr string) {
		d := open(t, addr)
		topic := Create(t, d, 1)
		if err := PublishOne(t.Context(), d, &driver.Record{Topic: topic}); err != nil {
			t.Fatalf("publish: %v", err)
		}
		grow(t, kadm.NewClient(Raw(t, addr)), topic, 3)
		r := &driver.Record{Topic: topic, Partition: 2}
		if err := PublishOne(t.Context(), d, r); err != nil || r.Partition != 2 {
			t.Errorf("publish to a new partition: partition %d and error %v, want 2 and none", r.Partition, err)
		}
	})
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

// PublishWithoutTopic publishes a record without a topic, which is missing whatever
// a broker would say.
func PublishWithoutTopic(t *testing.T, open Open) {
	d := open(t, nobody)
	if err := PublishOne(t.Context(), d, &driver.Record{}); !errors.Is(err, driver.ErrNoTopic) {
		t.Errorf("publish: error %v, want %v", err, driver.ErrNoTopic)
	}
}

// PublishBounded fills the buffer while the broker is away. Each of bounds opens a
// driver that has room for three records of 300 bytes. What is in the buffer when
// the driver is closed ends with the error within: it is refused if the client has
// not got it, else its outcome is unknown.
func PublishBounded(t *testing.T, bounds map[string]Open, within error) {
	for name, open := range bounds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, nobody)
			value := make([]byte, 300)
			buffered := publish(t.Context(), d, "topic", value, value, value)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			beyond := PublishOne(ctx, d, &driver.Record{Topic: "topic", Value: value})
			if !errors.Is(beyond, context.DeadlineExceeded) || errors.Is(beyond, driver.ErrUnknownOutcome) {
				t.Errorf("publish beyond the bound: error %v, want %v", beyond, context.DeadlineExceeded)
			}
			waiting := make(chan error, 1)
			go d.Publish(t.Context(), &driver.Record{Topic: "topic", Value: value},
				func(_ *driver.Record, err error) { waiting <- err })
			if err := d.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			for _, err := range buffered.get() {
				if !errors.Is(err, within) {
					t.Errorf("record in the buffer ended with error %v, want %v", err, within)
				}
			}
			if err := <-waiting; !isRefused(err) {
				t.Errorf("record that waited ended with error %v, want %v", err, driver.ErrRefused)
			}
		})
	}
}

// PublishLargerThanBuffer publishes a record that never fits into the buffer of a
// driver that has room for 1024 bytes.
func PublishLargerThanBuffer(t *testing.T, open Open) {
	d := open(t, nobody)
	err := PublishOne(t.Context(), d, &driver.Record{Topic: "topic", Value: make([]byte, 1025)})
	if large, ok := errors.AsType[*driver.TooLargeError](err); !ok || large.Limit != 1024 {
		t.Errorf("publish: error %v, want a TooLargeError with limit 1024", err)
	}
}

// PublishAfterRestart keeps records while the broker is away, and goes on receiving
// when it is back.
func PublishAfterRestart(t *testing.T, open Open) {
	options := embedded.Options{Dir: t.TempDir()}
	first := Start(t, options)
	d := open(t, first.Addr())
	topic := Create(t, d, 1)
	reader := Read(t, d, topic, 0)
	m := join(t, d, "group", topic)
	fill(t, d, topic, Numbers(0, 10)...)
	Receive(t, reader, 10)
	m.receiveUntil(t, func() bool { return len(m.records) == 10 })

	_ = first.Close()
	during := publish(t.Context(), d, topic, Numbers(10, 10)...)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := reader.Receive(ctx, make([]driver.Record, 1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("receive without a broker: error %v, want %v", err, context.DeadlineExceeded)
	}
	options.Listen = first.Addr()
	Start(t, options)
	for _, err := range during.get() {
		if err != nil {
			t.Errorf("publish: %v", err)
		}
	}
	for i, r := range Receive(t, reader, 10) {
		if want := fmt.Sprint(10 + i); string(r.Value) != want {
			t.Errorf("received %q, want %q", r.Value, want)
		}
	}
	m.receiveUntil(t, func() bool {
		return len(m.records) > 0 && string(m.records[len(m.records)-1].Value) == "19"
	})
}

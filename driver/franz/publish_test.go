package franz_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/embedded"
)

// poison makes a broker refuse each batch with a record that holds the word. It
// answers once begin is closed.
func poison(cluster *kfake.Cluster, begin <-chan struct{}, word string, err *kerr.Error) {
	cluster.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		<-begin
		cluster.KeepControl()
		req := r.(*kmsg.ProduceRequest)
		resp := req.ResponseKind().(*kmsg.ProduceResponse)
		bad := false
		for _, t := range req.Topics {
			refused := kmsg.NewProduceResponseTopic()
			refused.Topic, refused.TopicID = t.Topic, t.TopicID
			for _, p := range t.Partitions {
				part := kmsg.NewProduceResponseTopicPartition()
				part.Partition = p.Partition
				part.ErrorCode = err.Code
				refused.Partitions = append(refused.Partitions, part)
				bad = bad || bytes.Contains(p.Records, []byte(word))
			}
			resp.Topics = append(resp.Topics, refused)
		}
		return resp, nil, bad
	})
}

// TestPublishRefusedBatch publishes records to one partition, some of which the
// broker refuses: only those fail, and the others are written in order.
func TestPublishRefusedBatch(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		refusal *kerr.Error
		want    error // nil stands for a TooLargeError
	}{
		"invalid record":    {kerr.InvalidRecord, driver.ErrRefused},
		"invalid timestamp": {kerr.InvalidTimestamp, driver.ErrRefused},
		"corrupt":           {kerr.CorruptMessage, driver.ErrRefused},
		"policy":            {kerr.PolicyViolation, driver.ErrRefused},
		"too large":         {kerr.MessageTooLarge, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := fake(t)
			d := open(t, cluster.ListenAddrs()[0], kgo.ProducerBatchCompression(kgo.NoCompression()))
			topic := create(t, d, 1)
			if err := publish(t.Context(), d, topic, []byte("first")).get()[0]; err != nil {
				t.Fatalf("publish: %v", err)
			}
			begin := make(chan struct{})
			poison(cluster, begin, "poison", tt.refusal)
			values := numbers(0, 3000)
			for _, i := range []int{0, 1000, 1001, 2500} {
				values[i] = fmt.Append(nil, "poison ", i)
			}
			published := publish(t.Context(), d, topic, values...)
			close(begin)
			var want [][]byte
			for i, err := range published.get() {
				if bytes.Contains(values[i], []byte("poison")) {
					if !matches(err, tt.want) {
						t.Errorf("refused record ended with error %v, want %v", err, tt.want)
					}
					continue
				}
				want = append(want, values[i])
				if err != nil {
					t.Fatalf("record %d: %v", i, err)
				}
			}
			var got [][]byte
			for _, r := range receive(t, read(t, d, topic, 1), len(want)) {
				got = append(got, r.Value)
			}
			if !slices.EqualFunc(got, want, bytes.Equal) {
				t.Errorf("records written are not those published, or out of order")
			}
		})
	}
}

func matches(err, want error) bool {
	if want == nil {
		_, ok := errors.AsType[*driver.TooLargeError](err)
		return ok
	}
	return errors.Is(err, want)
}

// TestPublishUnknownLimit hides the limit of a topic from the driver, so that
// its batches are too large.
func TestPublishUnknownLimit(t *testing.T) {
	t.Parallel()
	cluster := fake(t)
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeConfigs}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	d := open(t, cluster.ListenAddrs()[0], kgo.ProducerBatchCompression(kgo.NoCompression()))
	topic := "topic-" + rand.Text()
	if err := d.Create(t.Context(), driver.Topic{Name: topic, Partitions: 1, MaxBytes: 20_000}); err != nil {
		t.Fatalf("create topic: %v", err)
	}
	if err := publish(t.Context(), d, topic, []byte("first")).get()[0]; err != nil {
		t.Fatalf("publish: %v", err)
	}
	begin := make(chan struct{})
	cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		<-begin
		return nil, nil, false
	})
	values := make([][]byte, 200)
	for i := range values {
		values[i] = bytes.Repeat(fmt.Appendf(nil, "%05d", i), 1000)
	}
	values[50] = bytes.Repeat(values[50], 5)
	published := publish(t.Context(), d, topic, values...)
	close(begin)
	for i, err := range published.get() {
		if _, large := errors.AsType[*driver.TooLargeError](err); large != (i == 50) || err != nil && !large {
			t.Errorf("record %d ended with error %v", i, err)
		}
	}
	for i, r := range receive(t, read(t, d, topic, 1), 199) {
		if i >= 50 {
			i++
		}
		if !bytes.Equal(r.Value, values[i]) {
			t.Fatalf("record at offset %d is not number %d", r.Offset, i)
		}
	}
}

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
	d := open(t, cluster.ListenAddrs()[0], kgo.ProducerBatchCompression(kgo.NoCompression()))
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
		if !errors.Is(err, driver.ErrRefused) || !errors.Is(err, kerr.TopicAuthorizationFailed) {
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
	tests := map[string]kgo.Opt{
		"records": kgo.MaxBufferedRecords(3),
		"bytes":   kgo.MaxBufferedBytes(30),
	}
	for name, opt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, "127.0.0.1:1", opt)
			value := []byte("ten bytes.")
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
				if !errors.Is(err, driver.ErrUnknownOutcome) {
					t.Errorf("record in the buffer ended with error %v, want %v", err, driver.ErrUnknownOutcome)
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
	d := open(t, "127.0.0.1:1", kgo.MaxBufferedBytes(1000))
	err := publishOne(t.Context(), d, &driver.Record{Topic: "topic", Value: make([]byte, 1001)})
	if large, ok := errors.AsType[*driver.TooLargeError](err); !ok || large.Limit != 1000 {
		t.Errorf("publish: error %v, want a TooLargeError with limit 1000", err)
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

package kafkatest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/asynccalls/asynccalls/driver"
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

// PublishRefusedBatch publishes records to one partition, some of which the broker
// refuses: only those fail, and the others are written as compare wants it. Those
// that are published when that is known come after them, in order. The driver must
// not compress. The further refusals are those that its client can tell from a
// broker that is in trouble.
func PublishRefusedBatch(t *testing.T, open Open, compare Comparison, further ...*kerr.Error) {
	tests := map[*kerr.Error]func(error) bool{
		kerr.InvalidRecord:    isRefused,
		kerr.InvalidTimestamp: isRefused,
		kerr.PolicyViolation:  isRefused,
		kerr.MessageTooLarge:  isTooLarge,
	}
	for _, refusal := range further {
		tests[refusal] = isRefused
	}
	for refusal, isWanted := range tests {
		t.Run(refusal.Message, func(t *testing.T) {
			t.Parallel()
			cluster, addr := Fake(t)
			d := open(t, addr)
			topic := Create(t, d, 1)
			fill(t, d, topic, []byte("first"))
			begin := make(chan struct{})
			poison(cluster, begin, "poison", refusal)
			values := Numbers(0, 3000)
			for _, i := range []int{0, 1000, 1001, 2500} {
				values[i] = fmt.Append(nil, "poison ", i)
			}
			published := publish(t.Context(), d, topic, values...)
			close(begin)
			var want [][]byte
			for i, err := range published.get() {
				refused := bytes.Contains(values[i], []byte("poison"))
				if refused && !isWanted(err) || !refused && err != nil {
					t.Fatalf("record %d, %q, ended with error %v", i, values[i], err)
				}
				if !refused {
					want = append(want, values[i])
				}
			}
			late := Numbers(len(values), 100)
			fill(t, d, topic, late...)
			got := valuesOf(t, Read(t, d, topic, 1), len(want)+len(late))
			if err := compare(got[:len(want)], want); err != nil {
				t.Error(err)
			}
			if err := InOrder(got[len(want):], late); err != nil {
				t.Errorf("published later: %v", err)
			}
		})
	}
}

func isRefused(err error) bool { return errors.Is(err, driver.ErrRefused) }

func isTooLarge(err error) bool {
	_, ok := errors.AsType[*driver.TooLargeError](err)
	return ok
}

// PublishUnknownLimit hides the limit of a topic from the driver, so that its
// batches are too large: all records are written as compare wants it, but for the
// one that is too large. The driver must not compress.
func PublishUnknownLimit(t *testing.T, open Open, compare Comparison) {
	cluster, addr := Fake(t)
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeConfigs}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	d := open(t, addr)
	topic := create(t, d, driver.Topic{Partitions: 1, MaxBytes: 20_000})
	fill(t, d, topic, []byte("first"))
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
		if large := isTooLarge(err); large != (i == 50) || err != nil && !large {
			t.Errorf("record %d ended with error %v", i, err)
		}
	}
	want := slices.Delete(values, 50, 51)
	if err := compare(valuesOf(t, Read(t, d, topic, 1), len(want)), want); err != nil {
		t.Error(err)
	}
}

// PublishLearnsLimit lets the broker not tell the limit of a topic at first: no
// batch may come that is too large, since others could overtake it then. The driver
// must not compress.
func PublishLearnsLimit(t *testing.T, open Open) {
	const limit = 20_000
	cluster, addr := Fake(t)
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
	d := open(t, addr)
	topic := create(t, d, driver.Topic{Partitions: 1, MaxBytes: limit})
	values := Numbers(0, 3000)
	values[500] = make([]byte, limit)
	for i, err := range publish(t.Context(), d, topic, values...).get() {
		if large := isTooLarge(err); large != (i == 500) || err != nil && !large {
			t.Errorf("record %d ended with error %v", i, err)
		}
	}
	want := slices.Delete(values, 500, 501)
	if err := InOrder(valuesOf(t, Read(t, d, topic, 0), len(want)), want); err != nil {
		t.Error(err)
	}
}

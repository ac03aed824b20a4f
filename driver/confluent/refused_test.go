package confluent_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
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
// broker refuses: only those fail, and each of the others is written once. Those
// that are published when that is known come after them, in order.
func TestPublishRefusedBatch(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		refusal *kerr.Error
		want    error // nil stands for a TooLargeError
	}{
		"invalid record":    {kerr.InvalidRecord, driver.ErrRefused},
		"invalid timestamp": {kerr.InvalidTimestamp, driver.ErrRefused},
		"policy":            {kerr.PolicyViolation, driver.ErrRefused},
		"too large":         {kerr.MessageTooLarge, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := fake(t)
			d := open(t, cluster.ListenAddrs()[0])
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
			for _, err := range publish(t.Context(), d, topic, numbers(len(values), 100)...).get() {
				if err != nil {
					t.Fatalf("record after that: %v", err)
				}
			}
			late := numbers(len(values), 100)
			var got [][]byte
			for _, r := range receive(t, read(t, d, topic, 1), len(want)+len(late)) {
				got = append(got, r.Value)
			}
			if !slices.EqualFunc(got[len(want):], late, bytes.Equal) {
				t.Errorf("records published later are not the last, or out of order")
			}
			got = got[:len(want)]
			slices.SortFunc(got, bytes.Compare)
			slices.SortFunc(want, bytes.Compare)
			if !slices.EqualFunc(got, want, bytes.Equal) {
				t.Errorf("records written are not those published, each once")
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
// its batches are too large: each record is written once, but for the one that is
// too large.
func TestPublishUnknownLimit(t *testing.T) {
	t.Parallel()
	cluster := fake(t)
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeConfigs}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	d := open(t, cluster.ListenAddrs()[0])
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
	got := receive(t, read(t, d, topic, 1), 199)
	slices.SortFunc(got, func(a, b driver.Record) int { return bytes.Compare(a.Value, b.Value) })
	for i, r := range got {
		if want := slices.Delete(slices.Clone(values), 50, 51)[i]; !bytes.Equal(r.Value, want) {
			t.Fatalf("record %q is written, want %q", r.Value[:5], want[:5])
		}
	}
}

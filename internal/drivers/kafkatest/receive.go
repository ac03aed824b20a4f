package kafkatest

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/embedded"
)

// ReceiveNotAuthorized has the broker refuse to hand out records: Receive says why,
// each time. For unauthorized see [PublishNotAuthorized].
func ReceiveNotAuthorized(t *testing.T, open Open, unauthorized func(error) bool) {
	cluster, addr := Fake(t)
	d := open(t, addr)
	topic := Create(t, d, 1)
	reader := Read(t, d, topic, 0)
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	for range 2 {
		if _, err := reader.Receive(t.Context(), make([]driver.Record, 10)); !unauthorized(err) {
			t.Errorf("receive: error %v, want %v", err, kerr.TopicAuthorizationFailed)
		}
	}
}

// ReceiveLarge receives a record of 960,000 bytes, which is larger than a fetch of
// one partition is meant to be: the driver wants at most 1000 bytes of one.
func ReceiveLarge(t *testing.T, open Open) {
	addr := Start(t, embedded.Options{}).Addr()
	d := open(t, addr)
	topic := Create(t, d, 1)
	value := bytes.Repeat([]byte("0123456789abcdef"), 60_000)
	if err := PublishOne(t.Context(), d, &driver.Record{Topic: topic, Value: value}); err != nil {
		t.Fatalf("publish: %v", err)
	}
	if r := Receive(t, Read(t, d, topic, 0), 1)[0]; !bytes.Equal(r.Value, value) {
		t.Errorf("received %d bytes, want the %d published", len(r.Value), len(value))
	}
}

// ReadNegativeOffset reads from an offset that means nothing.
func ReadNegativeOffset(t *testing.T, open Open) {
	d := open(t, nobody)
	if _, err := d.Read(t.Context(), driver.Partition{Topic: "topic"}, -2); !isRefused(err) {
		t.Errorf("read from offset -2: error %v, want %v", err, driver.ErrRefused)
	}
}

// PositionPassesTransactions ends a partition with the mark of a transaction, which
// has an offset and is no record: it is not received, and the position passes it.
func PositionPassesTransactions(t *testing.T, open Open) {
	onClusters(t, func(t *testing.T, addr string) {
		d := open(t, addr)
		topic := Create(t, d, 1)
		transact(t, addr, topic, "0", "1")
		position := func(r driver.Reader) int64 { return r.(interface{ Position() int64 }).Position() }
		end := position(Read(t, d, topic, -1))
		for end < 4 && t.Context().Err() == nil { // the broker writes the last mark after it has answered
			end = position(Read(t, d, topic, -1))
		}
		if end != 4 {
			t.Fatalf("the end is %d, want 4: two records and two marks", end)
		}
		reader := Read(t, d, topic, 0)
		got := Receive(t, reader, 2)
		if string(got[0].Value) != "0" || string(got[1].Value) != "1" || got[1].Offset != 2 {
			t.Errorf("received %+v, want the two records", got)
		}
		for position(reader) < end {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			n, err := reader.Receive(ctx, make([]driver.Record, 10))
			cancel()
			if n != 0 || !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("receive returned %d records and error %v, want none and that of ctx", n, err)
			}
		}
	})
}

// transact writes each value in a transaction of its own.
func transact(t *testing.T, addr, topic string, values ...string) {
	t.Helper()
	producer := Raw(t, addr, kgo.TransactionalID("writer-"+topic))
	for _, value := range values {
		if err := producer.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		r := &kgo.Record{Topic: topic, Value: []byte(value)}
		if err := producer.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := producer.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
	}
}

package confluent_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestPositionPassesTransactions ends a partition with the mark of a
// transaction, which has an offset and is no record: it is not received, and the
// position passes it.
func TestPositionPassesTransactions(t *testing.T) {
	t.Parallel()
	for name, addr := range clusters(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, addr)
			topic := create(t, d, 1)
			producer := raw(t, addr, kgo.TransactionalID("writer-"+topic))
			for _, value := range []string{"0", "1"} {
				if err := producer.BeginTransaction(); err != nil {
					t.Fatal(err)
				}
				if err := producer.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte(value)}).FirstErr(); err != nil {
					t.Fatal(err)
				}
				if err := producer.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
					t.Fatal(err)
				}
			}
			position := func(r driver.Reader) int64 { return r.(interface{ Position() int64 }).Position() }
			end := position(read(t, d, topic, -1))
			for end < 4 && t.Context().Err() == nil { // the broker writes the last mark after it has answered
				end = position(read(t, d, topic, -1))
			}
			if end != 4 {
				t.Fatalf("the end is %d, want 4: two records and two marks", end)
			}
			reader := read(t, d, topic, 0)
			got := receive(t, reader, 2)
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
}

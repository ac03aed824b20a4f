package confluent_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/drivers/kafkatest"
	"github.com/twmb/franz-go/pkg/kadm"
)

// TestRecreatedAtOnce deletes a topic and creates it again before the client can
// see that it is missing. It goes on in the new one where it was in the old one;
// the driver notices, and begins it anew.
func TestRecreatedAtOnce(t *testing.T) {
	t.Parallel()
	for name, addr := range kafkatest.Clusters(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, addr)
			topic := kafkatest.Create(t, d, 1)
			fill(t, d, driver.Partition{Topic: topic}, 0, 5)
			reader := kafkatest.Read(t, d, topic, 0)
			kafkatest.Receive(t, reader, 5)
			admin := kadm.NewClient(kafkatest.Raw(t, addr))
			if _, err := admin.DeleteTopic(t.Context(), topic); err != nil {
				t.Fatalf("delete topic: %v", err)
			}
			again := driver.Topic{Name: topic, Partitions: 1}
			for d.Create(t.Context(), again) != nil {
				continue // it takes a while until it is deleted
			}
			for i := range 10 {
				for kafkatest.PublishOne(t.Context(), d, &driver.Record{Topic: topic, Value: kafkatest.Numbers(100+i, 1)[0]}) != nil {
					continue
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			buf := make([]driver.Record, 100)
			for {
				n, err := reader.Receive(ctx, buf)
				if lost, ok := errors.AsType[*driver.LostError](err); ok {
					if lost.To != 0 || lost.From < 5 {
						t.Errorf("lost %v, want from 5 or more to 0", lost)
					}
					break
				}
				if err != nil {
					t.Fatalf("receive: %v", err)
				}
				for _, r := range buf[:n] {
					if r.Offset < 5 {
						t.Errorf("received offset %d before the loss was reported", r.Offset)
					}
				}
			}
			for i, r := range kafkatest.Receive(t, reader, 10) {
				if want := kafkatest.Numbers(100+i, 1)[0]; string(r.Value) != string(want) || r.Offset != int64(i) {
					t.Errorf("received %q at offset %d, want %q at %d", r.Value, r.Offset, want, i)
				}
			}
		})
	}
}

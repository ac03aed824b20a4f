package confluent_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/drivertest"
	"github.com/asynccalls/asynccalls/embedded"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/asynccalls/asynccalls/driver/confluent"
)

func TestMain(m *testing.M) {
	if os.Getenv(victimVariable) != "" {
		if err := serveVictim(os.Args[1], os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// clusters returns the address of a broker in the process, and that of Apache
// Kafka if there is one.
func clusters(tb testing.TB) map[string]string {
	tb.Helper()
	all := map[string]string{"embedded": start(tb, embedded.Options{}).Addr()}
	if addr := os.Getenv("ASYNCCALLS_KAFKA"); addr != "" {
		all["kafka"] = addr
	}
	return all
}

func start(tb testing.TB, o embedded.Options) *embedded.Broker {
	tb.Helper()
	broker, err := embedded.Start(o)
	if err != nil {
		tb.Fatalf("start broker: %v", err)
	}
	tb.Cleanup(func() { _ = broker.Close() })
	return broker
}

func open(tb testing.TB, addr string, settings ...kafka.ConfigMap) *confluent.Driver {
	tb.Helper()
	var given *kafka.ConfigMap
	if len(settings) > 0 {
		given = &settings[0]
	}
	d, err := confluent.Open(addr, given)
	if err != nil {
		tb.Fatalf("open: %v", err)
	}
	tb.Cleanup(func() { _ = d.Close() })
	return d
}

func TestDriver(t *testing.T) {
	t.Parallel()
	for name, addr := range clusters(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := kgo.NewClient(kgo.SeedBrokers(addr))
			if err != nil {
				t.Fatalf("connect: %v", err)
			}
			t.Cleanup(client.Close)
			admin := kadm.NewClient(client)
			drivertest.Run(t, drivertest.Config{
				Open: func(tb testing.TB) driver.Driver {
					tb.Helper()
					return open(tb, addr, kafka.ConfigMap{"heartbeat.interval.ms": 50})
				},
				DeleteTopic: func(ctx context.Context, _ driver.Driver, name string) error {
					_, err := admin.DeleteTopic(ctx, name)
					return err
				},
				DeleteRecords: func(ctx context.Context, _ driver.Driver, p driver.Partition, before int64) error {
					offsets := kadm.Offsets{}
					offsets.Add(kadm.Offset{Topic: p.Topic, Partition: p.ID, At: before})
					deleted, err := admin.DeleteRecords(ctx, offsets)
					if err != nil {
						return err
					}
					return deleted.Error()
				},
			})
		})
	}
}

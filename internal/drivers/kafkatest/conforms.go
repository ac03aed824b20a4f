package kafkatest

import (
	"context"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/drivertest"
)

// Open opens a driver on the brokers at addr. It closes it when the test ends.
type Open func(tb testing.TB, addr string) driver.Driver

// Conforms runs the conformance suite on all clusters.
func Conforms(t *testing.T, open Open) {
	onClusters(t, func(t *testing.T, addr string) {
		admin := kadm.NewClient(Raw(t, addr))
		drivertest.Run(t, drivertest.Config{
			Open: func(tb testing.TB) driver.Driver {
				tb.Helper()
				return open(tb, addr)
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

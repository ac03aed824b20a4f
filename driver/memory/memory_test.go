package memory_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/drivertest"
	"github.com/asynccalls/asynccalls/driver/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestDriver(t *testing.T) {
	t.Parallel()
	drivertest.Run(t, drivertest.Config{
		Open: func(testing.TB) driver.Driver { return memory.New() },
		DeleteTopic: func(_ context.Context, d driver.Driver, name string) error {
			return d.(*memory.Driver).DeleteTopic(name)
		},
		DeleteRecords: func(_ context.Context, d driver.Driver, p driver.Partition, before int64) error {
			return d.(*memory.Driver).DeleteRecords(p, before)
		},
		Timeout: 20 * time.Second,
	})
}

package franz_test

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/franz"
	"github.com/asynccalls/asynccalls/internal/drivers/kafkatest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(tb testing.TB, addr string, opts ...kgo.Opt) *franz.Driver {
	tb.Helper()
	d, err := franz.Open(addr, opts...)
	if err != nil {
		tb.Fatalf("open: %v", err)
	}
	tb.Cleanup(func() { _ = d.Close() })
	return d
}

// with has the tests that all drivers for Kafka share open this one, with options.
func with(opts ...kgo.Opt) kafkatest.Open {
	return func(tb testing.TB, addr string) driver.Driver {
		tb.Helper()
		return open(tb, addr, opts...)
	}
}

// uncompressed opens the driver with batches as large as their records, and readable.
// Each has an option of its own, as franz-go writes to that when it makes a client.
func uncompressed(tb testing.TB, addr string) driver.Driver {
	tb.Helper()
	return open(tb, addr, kgo.ProducerBatchCompression(kgo.NoCompression()))
}

func isUnauthorized(err error) bool { return errors.Is(err, kerr.TopicAuthorizationFailed) }

func TestDriver(t *testing.T) {
	t.Parallel()
	kafkatest.Conforms(t, with(kgo.HeartbeatInterval(50*time.Millisecond)))
}

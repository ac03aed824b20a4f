package confluent_test

import (
	"errors"
	"testing"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/drivers/kafkatest"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
	"go.uber.org/goleak"

	"github.com/asynccalls/asynccalls/driver/confluent"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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

// with has the tests that all drivers for Kafka share open this one, with settings.
func with(settings ...kafka.ConfigMap) kafkatest.Open {
	return func(tb testing.TB, addr string) driver.Driver {
		tb.Helper()
		return open(tb, addr, settings...)
	}
}

// isUnauthorized says whether an error is, or wraps, that of librdkafka.
func isUnauthorized(err error) bool {
	e, ok := errors.AsType[kafka.Error](err)
	return ok && e.Code() == kafka.ErrTopicAuthorizationFailed
}

func TestDriver(t *testing.T) {
	t.Parallel()
	kafkatest.Conforms(t, with(kafka.ConfigMap{"heartbeat.interval.ms": 50}))
}

package franz_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/drivers/kafkatest"
)

func TestPublishRefusedBatch(t *testing.T) {
	t.Parallel()
	kafkatest.PublishRefusedBatch(t, uncompressed, kafkatest.InOrder, kerr.CorruptMessage)
}

func TestPublishUnknownLimit(t *testing.T) {
	t.Parallel()
	kafkatest.PublishUnknownLimit(t, uncompressed, kafkatest.InOrder)
}

func TestPublishLearnsLimit(t *testing.T) {
	t.Parallel()
	kafkatest.PublishLearnsLimit(t, uncompressed)
}

func TestPublishNotAuthorized(t *testing.T) {
	t.Parallel()
	kafkatest.PublishNotAuthorized(t, with(), isUnauthorized)
}

func TestPublishMissingIsQuick(t *testing.T) {
	t.Parallel()
	kafkatest.PublishMissingIsQuick(t, with())
}

func TestPublishNewPartition(t *testing.T) {
	t.Parallel()
	kafkatest.PublishNewPartition(t, with())
}

func TestPublishWithoutTopic(t *testing.T) {
	t.Parallel()
	kafkatest.PublishWithoutTopic(t, with())
}

func TestPublishBounded(t *testing.T) {
	t.Parallel()
	kafkatest.PublishBounded(t, map[string]kafkatest.Open{
		"records": with(kgo.MaxBufferedRecords(3)),
		"bytes":   with(kgo.MaxBufferedBytes(900)),
	}, driver.ErrUnknownOutcome)
}

func TestPublishLargerThanBuffer(t *testing.T) {
	t.Parallel()
	kafkatest.PublishLargerThanBuffer(t, with(kgo.MaxBufferedBytes(1024)))
}

func TestPublishAfterRestart(t *testing.T) {
	t.Parallel()
	kafkatest.PublishAfterRestart(t, with())
}

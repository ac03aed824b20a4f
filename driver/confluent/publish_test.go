package confluent_test

import (
	"testing"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/drivers/kafkatest"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

func TestPublishRefusedBatch(t *testing.T) {
	t.Parallel()
	kafkatest.PublishRefusedBatch(t, with(), kafkatest.EachOnce)
}

func TestPublishUnknownLimit(t *testing.T) {
	t.Parallel()
	kafkatest.PublishUnknownLimit(t, with(), kafkatest.EachOnce)
}

func TestPublishLearnsLimit(t *testing.T) {
	t.Parallel()
	kafkatest.PublishLearnsLimit(t, with())
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
		"records":   with(kafka.ConfigMap{"queue.buffering.max.messages": 3}),
		"kilobytes": with(kafka.ConfigMap{"queue.buffering.max.kbytes": 1}),
	}, driver.ErrRefused) // the client has not got them
}

func TestPublishLargerThanBuffer(t *testing.T) {
	t.Parallel()
	kafkatest.PublishLargerThanBuffer(t, with(kafka.ConfigMap{"queue.buffering.max.kbytes": 1}))
}

func TestPublishAfterRestart(t *testing.T) {
	t.Parallel()
	kafkatest.PublishAfterRestart(t, with())
}

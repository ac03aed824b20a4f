//go:build cgo

package confluent

import (
	"errors"
	"fmt"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

// outcome translates the error of a record into one of the contract. What is
// not known to be a refusal may have been written.
func (d *Driver) outcome(p *publication) error {
	err := p.err
	switch {
	case isTooLarge(err):
		return fmt.Errorf("%w (%w)", &driver.TooLargeError{Limit: d.routes.limit(p.record.Topic)}, err)
	case isMissing(err):
		return fmt.Errorf("%w (%w)", driver.ErrNoTopic, err)
	case isRefusal(err):
		return fmt.Errorf("%w (%w)", driver.ErrRefused, err)
	}
	return fmt.Errorf("%w (%w)", driver.ErrUnknownOutcome, err)
}

// code returns what librdkafka calls an error, or [kafka.ErrNoError] for one that
// is not its own.
func code(err error) kafka.ErrorCode {
	if e, ok := errors.AsType[kafka.Error](err); ok {
		return e.Code()
	}
	return kafka.ErrNoError
}

// isTooLarge says that a record, or the batch with it, is larger than the topic
// accepts.
func isTooLarge(err error) bool {
	c := code(err)
	return c == kafka.ErrMsgSizeTooLarge || c == kafka.ErrRecordListTooLarge
}

// isMissing says that a topic or a partition does not exist.
func isMissing(err error) bool {
	switch code(err) {
	case kafka.ErrUnknownTopicOrPart, kafka.ErrUnknownTopicID, kafka.ErrTopicException,
		kafka.ErrUnknownTopic, kafka.ErrUnknownPartition:
		return true
	default:
		return errors.Is(err, driver.ErrNoTopic)
	}
}

// isRefusal says that the broker answered, and will not answer otherwise. Errors
// of the client itself have negative codes.
func isRefusal(err error) bool {
	c := code(err)
	return c > kafka.ErrNoError && !isRetriable(c) && !isOfSequence(c) || errors.Is(err, driver.ErrRefused)
}

// isOfSequence says that the broker and the client do not agree on what was
// written before.
func isOfSequence(c kafka.ErrorCode) bool {
	switch c {
	case kafka.ErrOutOfOrderSequenceNumber, kafka.ErrDuplicateSequenceNumber, kafka.ErrUnknownProducerID,
		kafka.ErrInvalidProducerEpoch, kafka.ErrInvalidProducerIDMapping:
		return true
	default:
		return false
	}
}

// isRetriable says that the broker may answer otherwise later.
func isRetriable(c kafka.ErrorCode) bool {
	switch c {
	case kafka.ErrUnknownTopicOrPart, kafka.ErrUnknownTopicID, kafka.ErrLeaderNotAvailable,
		kafka.ErrNotLeaderForPartition, kafka.ErrRequestTimedOut, kafka.ErrBrokerNotAvailable,
		kafka.ErrReplicaNotAvailable, kafka.ErrNetworkException, kafka.ErrCoordinatorLoadInProgress,
		kafka.ErrCoordinatorNotAvailable, kafka.ErrNotCoordinator, kafka.ErrNotEnoughReplicas,
		kafka.ErrNotEnoughReplicasAfterAppend, kafka.ErrRebalanceInProgress, kafka.ErrNotController,
		kafka.ErrKafkaStorageError, kafka.ErrFencedLeaderEpoch, kafka.ErrUnknownLeaderEpoch,
		kafka.ErrOffsetNotAvailable, kafka.ErrPreferredLeaderNotAvailable, kafka.ErrEligibleLeadersNotAvailable,
		kafka.ErrUnstableOffsetCommit, kafka.ErrThrottlingQuotaExceeded:
		return true
	default:
		return false
	}
}

// isBatchRefusal says that the broker refuses a batch, maybe because of a single
// record in it.
func isBatchRefusal(err error) bool {
	switch code(err) {
	case kafka.ErrMsgSizeTooLarge, kafka.ErrRecordListTooLarge, kafka.ErrInvalidRecord, kafka.ErrInvalidTimestamp,
		kafka.ErrInvalidMsg, kafka.ErrPolicyViolation, kafka.ErrInvalidDifferentRecord:
		return true
	default:
		return false
	}
}

// isFatalHere says that a client can't publish any more, and has not taken a
// record because of that.
func isFatalHere(err error) bool { return code(err) == kafka.ErrFatal }

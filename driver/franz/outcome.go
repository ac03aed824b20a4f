package franz

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/asynccalls/asynccalls/driver"
)

// errUnknownPartition says that a record names a partition that a topic does
// not have.
var errUnknownPartition = fmt.Errorf("partition out of range: %w", driver.ErrNoTopic)

// outcome translates the error of a record into one of the contract. What is
// not known to be a refusal may have been written.
func (d *Driver) outcome(p *publication) error {
	err := p.err
	switch {
	case p.sent.Partition == noPartition:
		return errUnknownPartition
	case isTooLarge(err):
		return fmt.Errorf("%w (%w)", &driver.TooLargeError{Limit: int(d.limits.of(p.record.Topic))}, err)
	case isMissing(err):
		return fmt.Errorf("%w (%w)", driver.ErrNoTopic, err)
	case isRefusal(err):
		return fmt.Errorf("%w (%w)", driver.ErrRefused, err)
	}
	return fmt.Errorf("%w (%w)", driver.ErrUnknownOutcome, err)
}

// isTooLarge says that a record, or the batch with it, is larger than the topic
// accepts.
func isTooLarge(err error) bool {
	return errors.Is(err, kerr.MessageTooLarge) || errors.Is(err, kerr.RecordListTooLarge)
}

// isMissing says that a topic or a partition does not exist.
func isMissing(err error) bool {
	return errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID) ||
		errors.Is(err, kerr.InvalidTopicException)
}

// isRefusal says that the broker answered, and will not answer otherwise.
func isRefusal(err error) bool {
	refusal, ok := errors.AsType[*kerr.Error](err)
	return ok && (!refusal.Retriable || errors.Is(err, kerr.CorruptMessage))
}

// isBatchRefusal says that the broker refuses a batch, maybe because of a single
// record in it.
func isBatchRefusal(err error) bool {
	return isTooLarge(err) || errors.Is(err, kerr.InvalidRecord) || errors.Is(err, kerr.InvalidTimestamp) ||
		errors.Is(err, kerr.CorruptMessage) || errors.Is(err, kerr.PolicyViolation)
}

// isClosed says that a client was closed.
func isClosed(err error) bool { return errors.Is(err, kgo.ErrClientClosed) }

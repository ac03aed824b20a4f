//go:build cgo

package confluent

import (
	"fmt"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

const (
	// pollTimeout is how long the client is asked at once, in milliseconds. A
	// reader that is closed waits no longer than that.
	pollTimeout = 50

	// maxBatch is how many records are put into the queue at once.
	maxBatch = 256
)

// pump takes what the client has, until the reader is closed.
func (r *reader) pump() {
	defer close(r.pumped)
	for !r.isDone() {
		r.queue.awaitSpace(r.done)
		event := r.consumer.Poll(pollTimeout)
		r.now = time.Now()
		more := r.take(event)
		for more && len(r.batch) < maxBatch {
			more = r.take(r.consumer.Poll(0))
		}
		r.flush()
		r.upkeep()
	}
}

// take takes an event. It reports whether there may be more at hand.
func (r *reader) take(event kafka.Event) bool {
	switch e := event.(type) {
	case *kafka.Message:
		r.receive(e)
		return true
	case kafka.PartitionEOF:
		r.flush()
		r.queue.pass(int64(e.Offset))
		return true
	case kafka.Error:
		r.trouble(e)
	}
	return false
}

// receive takes a record.
func (r *reader) receive(m *kafka.Message) {
	at := &m.TopicPartition
	t := r.last
	if t == nil || t.partition.ID != at.Partition || t.partition.Topic != *at.Topic {
		t = r.tracks[driver.Partition{Topic: *at.Topic, ID: at.Partition}]
		r.last = t
	}
	if t == nil || int64(at.Offset) < t.next {
		return // revoked, or a repeat: pausing in the client may fetch the last one again
	}
	// What is left out comes again when the client is told to go on, so that nothing
	// may be taken before.
	if t.suspect || r.now.Sub(t.seen) > doubt && r.now.Sub(r.checked) > doubt && !r.isSame(t) {
		t.missed = true
		return
	}
	t.seen = r.now
	t.next = int64(at.Offset) + 1
	r.batch = append(r.batch, driver.Record{
		Topic:     t.partition.Topic,
		Partition: at.Partition,
		Offset:    int64(at.Offset),
		Epoch:     epoch(at),
		Time:      m.Timestamp,
		Key:       m.Key,
		Value:     m.Value,
		Headers:   headersIn(m.Headers),
	})
	r.bytes += len(m.Key) + len(m.Value)
}

func epoch(at *kafka.TopicPartition) int32 {
	if at.LeaderEpoch == nil {
		return -1
	}
	return *at.LeaderEpoch
}

// flush puts the batch into the queue.
func (r *reader) flush() {
	if len(r.batch) == 0 {
		return
	}
	r.queue.put(r.batch, r.bytes, r.losses)
	r.batch, r.bytes, r.losses = r.batch[:0], 0, 0
}

// trouble takes an error that the client tells of. It does not say of which
// partition.
func (r *reader) trouble(err kafka.Error) {
	r.driver.connects.failed(err)
	switch c := err.Code(); {
	case c == kafka.ErrAutoOffsetReset || c == kafka.ErrOffsetOutOfRange || c == kafka.ErrLogTruncation:
		r.outOfRange = true
	case isMissing(err):
		r.suspicious = true
	case err.IsFatal(), isFinal(c, r.isGroup):
		r.fail(fmt.Errorf("receive: %w", err))
	}
}

// isFinal says that the client can't get over an error, though it would try. A
// member that loses its session joins again; a reader without a group has no use
// for one that it can't ask for.
func isFinal(c kafka.ErrorCode, isGroup bool) bool {
	switch c {
	case kafka.ErrAuthentication:
		return true
	case kafka.ErrUnknownMemberID, kafka.ErrIllegalGeneration, kafka.ErrMemberIDRequired:
		return false
	case kafka.ErrGroupAuthorizationFailed, kafka.ErrInvalidGroupID:
		return isGroup
	default:
		return c > kafka.ErrNoError && !isRetriable(c)
	}
}

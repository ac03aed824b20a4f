// Package driver is the contract between asynccalls and a message broker.
//
// A [Driver] translates between this contract and one client library. It
// decides nothing: which record is done, what is committed, what is retried and
// what is dropped is decided above it. The contract is small on purpose, so
// that one core serves a Kafka cluster through different client libraries, and
// a broker inside the test process.
//
// Package [github.com/asynccalls/asynccalls/driver/drivertest] holds the
// conformance suite; a driver is one when it passes.
//
// # Concurrency
//
// A Driver, its Publisher and its Admin are safe for concurrent use. A [Reader]
// or [Group] has one receiving goroutine, which alone calls Receive and Pause;
// Commit and Close may be called by any goroutine at any time.
//
// # Absent and empty
//
// A nil Key, Value or Header.Value and an empty one are different and stay
// different through publishing and receiving. Headers keep their order, and
// repeated keys are kept.
package driver

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Driver connects to one broker, or one cluster of brokers. Opening one does no
// I/O that has to succeed: a broker that is away is an error of the calls that
// need it, and none of the calls below gives up on it before its ctx ends,
// unless it says so.
type Driver interface {
	Publisher
	Admin

	// Join makes a new member of a consumer group, subscribed to topics. It does
	// not wait for an assignment: l learns of it within [Reader.Receive]. A
	// partition for which the group has no committed offset starts at its
	// beginning. The topics must exist, else the error wraps [ErrNoTopic].
	Join(ctx context.Context, group string, topics []string, l Listener) (Group, error)

	// Read reads one partition without a group, from offset on; -1 is the end
	// of the partition. It returns once the position is fixed: whatever is
	// published after Read returned is received. A missing topic or partition
	// is [ErrNoTopic]. An offset outside of the log is not an error of Read:
	// Receive reports it as [LostError]. The reader should have the method
	// Position, see [Reader].
	Read(ctx context.Context, p Partition, offset int64) (Reader, error)

	// Close ends all readers and groups of the driver, fails what is not yet
	// published, and releases all resources. It is idempotent, and waits for
	// the goroutines of the driver to end. Everything called afterwards fails
	// with [ErrRefused]; [Reader.Receive] with io.EOF.
	Close() error
}

// Publisher writes records.
type Publisher interface {
	// Publish hands r over and returns. It waits only for space in the buffer
	// of the client library; ctx bounds that wait and nothing else, so that a
	// record once handed over has an outcome that is known.
	//
	// done is called exactly once for each call of Publish, from any goroutine,
	// possibly before Publish returns. It must not block, and must not call the
	// driver. Until then r and what it points to belong to the driver; then
	// they are the caller's again. done gets r back, with Tag untouched, and
	// with Partition, Offset and Time set if the error is nil. Time is that of the
	// publisher where the client library does not tell the broker's.
	//
	// A nil error says that all in-sync replicas have the record. Otherwise the
	// error is, or wraps,
	//   - [*TooLargeError]: the record is larger than the topic accepts;
	//   - [ErrNoTopic]: the topic, or the partition named in r, does not exist;
	//   - [ErrRefused]: the broker will not take this record, now or later;
	//   - the error of ctx: there was no space in the buffer in time;
	//   - [ErrUnknownOutcome]: the record may or may not have been written.
	// With all but the last the record was not written.
	//
	// Records of one partition are written in the order in which they were
	// handed over by one goroutine. A record that is refused harms no other.
	Publish(ctx context.Context, r *Record, done func(*Record, error))

	// Flush waits until done has returned for each record handed over before.
	// It returns the error of ctx if that ends first, and then the records stay
	// on their way.
	Flush(ctx context.Context) error
}

// Admin looks at topics and creates them.
type Admin interface {
	// Topics returns those of the named topics that exist, in no particular
	// order; it asks the broker, not a cache. Partitions, Replicas and MaxBytes
	// are set, Config is not. A missing topic is left out, without an error. An
	// error says that the broker could not be asked, and why; Topics may return
	// it before ctx ends.
	Topics(ctx context.Context, names ...string) ([]Topic, error)

	// Create creates topics. One that exists already is not an error, and is
	// left as it is. When Create returns nil, the topics can be published to and
	// read. An error says that the broker refused, or could not be asked, and
	// why; Create may return it before ctx ends.
	Create(ctx context.Context, t ...Topic) error
}

// Reader receives the records of one or more partitions.
//
// One that [Driver.Read] returned may also have the method Position() int64. It
// returns the offset at which Receive goes on: no record below it will be
// received. Before the first Receive that is the offset given to Read, or, for
// -1, the end that was found. It also passes what takes an offset and is no
// record, such as the marks of transactions, at the latest when Receive has
// waited behind it. So whoever reads up to an end knows when it is reached. It is
// called by the receiving goroutine.
type Reader interface {
	// Receive waits until there is at least one record, copies as many as are
	// at hand into buf, and returns their number. The records of one partition
	// come in the order of their offsets; offsets may have gaps. Keys, values
	// and headers received belong to the caller.
	//
	// It returns 0 and
	//   - the error of ctx, if that ended first: nothing is lost, the next
	//     Receive goes on where this one stopped;
	//   - a [*LostError], once per range, when records that this reader should
	//     have received are gone: the log was truncated, retention was faster,
	//     or the topic was deleted or created again. The next Receive goes on
	//     at LostError.To;
	//   - io.EOF after Close, for good.
	//
	// Any other error is for good too. A broker that is away is none: Receive
	// waits for it.
	Receive(ctx context.Context, buf []Record) (int, error)

	// Pause replaces the set of partitions from which nothing is received; an
	// empty set resumes all. Receive returns no record of a paused partition,
	// not even one fetched before, and after resuming loses none. The pause of
	// a partition ends when the partition is revoked or lost.
	Pause(all []Partition)

	// Close ends the reader, without committing. It is idempotent, and ends a
	// Receive that waits. A Group also leaves its group, so that the other
	// members take over at once; the Listener is not called any more.
	Close() error
}

// Group is one member of a consumer group.
//
// As long as Receive is called again within the time that the group allows for
// a rebalance, the member stays in the group, however long its records take:
// what is slow to be handled is paused, and Receive goes on being called.
//
// A Group may also have the method Lag(context.Context) (map[Partition]int64, error).
// It asks the broker how far the group is behind in each partition that is assigned
// to this member: how many offsets there are from the position that is committed, or
// from the start of the log without one, to the end. These are the figures that
// Kafka's own tools show. It is safe beside Receive, and asks anew with each call, so
// it is for metrics and not for each record. A partition of which the broker tells
// nothing is left out. An error says that it could not be asked, and why; Lag may
// return it before ctx ends.
type Group interface {
	Reader

	// Commit stores positions and waits for the broker's answer. Offset is that
	// of the next record to receive. Positions of partitions that are not
	// assigned any more are an error, and are not stored; the others are stored
	// nevertheless. Commit is safe beside Receive, and within
	// [Listener.Revoked]; commits are applied in the order of the calls.
	Commit(ctx context.Context, p ...Position) error
}

// Listener learns which partitions belong to a group's member. Its methods are
// called one at a time, and only while [Reader.Receive] of that group runs, so
// between two calls of Receive the assignment does not change.
type Listener interface {
	// Assigned tells of partitions added. It is called also when a rebalance
	// added none, so that a member without partitions learns that it is one.
	// They can be committed once it has returned: a commit before is one of an
	// earlier assignment, and is refused. What the member had before, and another
	// may have had since, is told as lost first.
	Assigned(p []Partition)

	// Revoked tells of partitions that go to another member once Revoked has
	// returned; until then they can be committed. It should return before ctx
	// ends: that is when the group would stop waiting for this member.
	Revoked(ctx context.Context, p []Partition)

	// Lost tells of partitions that may belong to another member already:
	// commits would be refused.
	Lost(p []Partition)
}

// Header is one header of a record.
type Header struct {
	Key   string
	Value []byte
}

// Record is a message in a topic.
type Record struct {
	Topic     string
	Partition int32     // when publishing, -1 lets the driver choose by Key as Kafka does, or any without one
	Offset    int64     // set when received or published
	Epoch     int32     // leader epoch when received, -1 if not known
	Time      time.Time // when publishing, zero is now; the topic may replace it with the time of the broker
	Key       []byte
	Value     []byte
	Headers   []Header
	Tag       any // for the publisher, returned untouched; nil when received
}

// Partition names one partition of a topic.
type Partition struct {
	Topic string
	ID    int32
}

// Position is the offset of the next record to receive of a partition.
type Position struct {
	Partition
	Offset int64
	Epoch  int32  // leader epoch of the last record received before, -1 if not known
	Meta   string // stored with the offset
}

// Topic describes a topic. For [Admin.Create] a zero field means the broker's
// default.
type Topic struct {
	Name       string
	Partitions int32
	Replicas   int16
	MaxBytes   int               // largest record batch the topic accepts, in bytes
	Config     map[string]string // settings by their names in Kafka, such as retention.ms
}

// LostError reports that the records of a partition with offsets from From up
// to, not including, To will not be received. If To is not greater than From,
// the log ends before From: it was truncated, or the topic created again.
type LostError struct {
	Partition
	From, To int64
}

// Error names the partition and the range.
func (e *LostError) Error() string {
	return fmt.Sprintf("records lost in partition %d of topic %q: expected offset %d, continuing at %d",
		e.ID, e.Topic, e.From, e.To)
}

// TooLargeError reports that a record was larger than Limit, in bytes, as the
// client library counts them: key, value, headers, and some overhead.
type TooLargeError struct{ Limit int }

// Error names the limit.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("record too large: the limit is %d bytes", e.Limit)
}

// Outcomes of publishing, and of asking for what does not exist.
var (
	// ErrRefused says that the broker, or a closed driver, will not do this, and
	// that trying again does not help.
	ErrRefused = errors.New("refused")

	// ErrNoTopic says that a topic or a partition does not exist.
	ErrNoTopic = errors.New("no such topic or partition")

	// ErrUnknownOutcome says that a record may or may not have been written.
	ErrUnknownOutcome = errors.New("outcome unknown")
)

package franz

import (
	"math/rand/v2"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// stickyBytes is how much goes to one partition before records without a
	// key go to another one: larger batches cost less.
	stickyBytes = 64 << 10

	// recordOverhead stands for what a record costs beside its content.
	recordOverhead = 64

	// noPartition marks a record that names a partition which the client does
	// not know.
	noPartition = -2
)

// partitioner chooses partitions: the one that the record names, else by the
// hash of the key as Kafka does, else any. It has no state.
type partitioner struct{}

var _ kgo.Partitioner = partitioner{}

// ForTopic returns the partitioner of one topic.
func (partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	return &topicPartitioner{byKey: kgo.StickyKeyPartitioner(nil).ForTopic(topic)}
}

// A topicPartitioner is guarded by a lock of the client.
type topicPartitioner struct {
	byKey kgo.TopicPartitioner

	sticky int // partition of records without a key
	left   int // bytes until the next one
}

// RequiresConsistency says whether a record must go to its partition also when
// that has no leader at the moment.
func (t *topicPartitioner) RequiresConsistency(r *kgo.Record) bool {
	return r.Partition >= 0 || r.Key != nil
}

// Partition returns a partition from 0 to n-1, or -1 if the record names one
// beyond; r.Partition says so then.
func (t *topicPartitioner) Partition(r *kgo.Record, n int) int {
	switch {
	case int(r.Partition) >= n:
		r.Partition = noPartition
		return -1
	case r.Partition >= 0:
		return int(r.Partition)
	case r.Key != nil:
		return t.byKey.Partition(r, n)
	}
	if t.left <= 0 || t.sticky >= n {
		t.sticky, t.left = rand.IntN(n), stickyBytes
	}
	t.left -= len(r.Value) + recordOverhead
	return t.sticky
}

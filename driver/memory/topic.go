package memory

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/asynccalls/asynccalls/driver"
)

const (
	defaultMaxBytes = 1_048_588 // Kafka's message.max.bytes
	defaultFuture   = time.Hour // Kafka's log.message.timestamp.after.max.ms
	maxPartitions   = 10_000    // what Kafka creates at once
	maxName         = 249
)

// A topic is a set of logs and the settings they share.
type topic struct {
	name       string
	logs       []*log
	replicas   int16
	maxBytes   int
	appendTime bool          // the broker's time replaces that of a record
	future     time.Duration // how far ahead the time of a record may be
	compacted  bool          // records need keys
	turn       uint32        // partition for the next record without a key
}

// choose returns the partition for a key: by its hash, or in turn for none.
func (t *topic) choose(key []byte) int32 {
	if key == nil {
		t.turn++
		return int32((t.turn - 1) % uint32(len(t.logs)))
	}
	return int32((murmur2(key) & 0x7fffffff) % uint32(len(t.logs)))
}

// accept returns an error if the topic does not take r, which makes a batch of
// size bytes.
func (t *topic) accept(r *driver.Record, size int, now time.Time) error {
	switch {
	case size > t.maxBytes:
		return &driver.TooLargeError{Limit: t.maxBytes}
	case t.compacted && r.Key == nil:
		return fmt.Errorf("publish without key to compacted topic %q: %w", t.name, driver.ErrRefused)
	case !t.appendTime && r.Time.After(now.Add(t.future)):
		return fmt.Errorf("publish to topic %q with a time more than %v in the future: %w",
			t.name, t.future, driver.ErrRefused)
	default:
		return nil
	}
}

// newTopic returns a topic without logs.
func newTopic(spec driver.Topic) (*topic, error) {
	if err := checkName(spec.Name); err != nil {
		return nil, err
	}
	if spec.Partitions < 0 || spec.Partitions > maxPartitions || spec.Replicas < 0 || spec.MaxBytes < 0 {
		return nil, fmt.Errorf("topic %q with %d partitions, %d replicas, %d bytes: %w",
			spec.Name, spec.Partitions, spec.Replicas, spec.MaxBytes, driver.ErrRefused)
	}
	t := &topic{
		name:     spec.Name,
		replicas: max(spec.Replicas, 1),
		maxBytes: defaultMaxBytes,
		future:   defaultFuture,
	}
	for name, value := range spec.Config {
		if err := t.set(name, value); err != nil {
			return nil, err
		}
	}
	if spec.MaxBytes > 0 {
		t.maxBytes = spec.MaxBytes
	}
	return t, nil
}

// set applies a setting. Those that make no difference here are only checked.
func (t *topic) set(name, value string) error {
	ok := true
	switch name {
	case "max.message.bytes":
		t.maxBytes, ok = number(value, 0)
	case "message.timestamp.type":
		t.appendTime = value == "LogAppendTime"
		ok = t.appendTime || value == "CreateTime"
	case "message.timestamp.after.max.ms":
		var ms int
		ms, ok = number(value, 0)
		t.future = time.Duration(min(ms, int(defaultFuture/time.Millisecond)*24*365*100)) * time.Millisecond
	case "cleanup.policy":
		for policy := range strings.SplitSeq(value, ",") {
			policy = strings.TrimSpace(policy)
			t.compacted = t.compacted || policy == "compact"
			ok = ok && (policy == "compact" || policy == "delete")
		}
	case "retention.ms", "retention.bytes", "local.retention.ms", "local.retention.bytes":
		_, ok = number(value, -2)
	case "min.insync.replicas", "segment.bytes", "segment.ms":
		_, ok = number(value, 1)
	default:
		ok = knownSetting(name)
	}
	if !ok {
		return fmt.Errorf("topic %q with setting %q = %q: %w", t.name, name, value, driver.ErrRefused)
	}
	return nil
}

// number parses a setting that is at least low.
func number(value string, low int) (int, bool) {
	n, err := strconv.Atoi(value)
	return n, err == nil && n >= low
}

// knownSetting reports whether name is a setting of Kafka's topics that makes
// no difference here.
func knownSetting(name string) bool {
	switch name {
	case "compression.gzip.level", "compression.lz4.level", "compression.type", "compression.zstd.level",
		"delete.retention.ms", "file.delete.delay.ms", "flush.messages", "flush.ms",
		"follower.replication.throttled.replicas", "index.interval.bytes",
		"leader.replication.throttled.replicas", "max.compaction.lag.ms", "message.timestamp.before.max.ms",
		"min.cleanable.dirty.ratio", "min.compaction.lag.ms", "preallocate", "remote.log.copy.disable",
		"remote.log.delete.on.disable", "remote.storage.enable", "segment.index.bytes", "segment.jitter.ms",
		"unclean.leader.election.enable":
		return true
	default:
		return false
	}
}

// checkName returns an error if name can't be that of a topic.
func checkName(name string) error {
	legal := name != "" && name != "." && name != ".." && len(name) <= maxName
	for i := range len(name) {
		c := name[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		legal = legal && (letter || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-')
	}
	if !legal {
		return fmt.Errorf("topic name %q: %w", name, driver.ErrRefused)
	}
	return nil
}

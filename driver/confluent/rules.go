//go:build cgo

package confluent

import (
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

const (
	// propagation is how long a topic that a broker does not know may be new.
	propagation = 2 * time.Second

	// minRequest and maxRequest are the bounds of message.max.bytes in librdkafka.
	minRequest, maxRequest = 1000, 1_000_000_000

	// eventsQueue is how many outcomes may wait to be reported. Then the client
	// waits.
	eventsQueue = 10_000
)

// A rule says which values a setting may have, and why no other.
type rule struct {
	why    string
	want   []string               // values accepted, in lower case; none means that the setting is refused
	fits   func(text string) bool // accepts more values
	advice string                 // what to do instead, if not to leave it out
}

//nolint:gochecknoglobals // never changed
var rules = map[string]rule{
	"bootstrap.servers":    {why: "addresses are the first argument of Open"},
	"metadata.broker.list": {why: "addresses are the first argument of Open"},
	"default.topic.config": {why: "settings of topics have no map of their own", advice: "give them beside the others"},

	"allow.auto.create.topics":          {why: "topics are created by Create alone", want: []string{"false"}},
	"topic.metadata.propagation.max.ms": {why: "the driver decides how long a topic may be missing"},
	"topic.blacklist":                   {why: "topics that exist would be missing"},
	"enabled_events":                    {why: "the driver needs events of its own"},
	"fetch.error.backoff.ms":            {why: "the driver finds topics that are created again by it"},
	"statistics.interval.ms":            {why: "nobody reads statistics", want: []string{"0"}},

	"acks":                  {why: "all in-sync replicas must have a record", want: []string{"all", "-1"}},
	"request.required.acks": {why: "all in-sync replicas must have a record", want: []string{"all", "-1"}},
	"enable.idempotence":    {why: "records would be written twice", want: []string{"true"}},
	"max.in.flight": {
		why: "records that were not written could be taken for it", want: []string{"1"},
	},
	"max.in.flight.requests.per.connection": {
		why: "records that were not written could be taken for it", want: []string{"1"},
	},
	"queuing.strategy":         {why: "records would be out of order", want: []string{"fifo"}},
	"enable.gapless.guarantee": {why: "a record that is refused would end the client", want: []string{"false"}},
	"message.send.max.retries": {
		why: "the driver answers for the outcome of each record", want: []string{"2147483647"},
	},
	"retries": {
		why: "the driver answers for the outcome of each record", want: []string{"2147483647"},
	},
	"message.timeout.ms":  {why: "the driver answers for the outcome of each record", want: []string{"0"}},
	"delivery.timeout.ms": {why: "the driver answers for the outcome of each record", want: []string{"0"}},
	"delivery.report.only.error": {
		why: "the driver answers for the outcome of each record", want: []string{"false"},
	},
	"message.max.bytes":      {why: "the driver asks each topic for its limit"},
	"batch.size":             {why: "the driver asks each topic for its limit"},
	"partitioner":            {why: "partitions are chosen as Kafka does", want: []string{"murmur2_random"}},
	"transactional.id":       {why: "records are published without a transaction"},
	"transaction.timeout.ms": {why: "records are published without a transaction"},

	"group.id":              {why: "groups are joined by Join"},
	"group.instance.id":     {why: "a member leaves its group at once when it is closed"},
	"group.protocol":        {why: "members of other drivers are in the same groups", want: []string{"classic"}},
	"group.protocol.type":   {why: "members are consumers", want: []string{"consumer"}},
	"group.remote.assignor": {why: "partitions are assigned by the cooperative-sticky assignor"},
	"partition.assignment.strategy": {
		why: "partitions are assigned by the cooperative-sticky assignor", want: []string{"cooperative-sticky"},
	},

	"enable.auto.commit":       {why: "positions are committed by Commit alone", want: []string{"false"}},
	"auto.commit.enable":       {why: "positions are committed by Commit alone", want: []string{"false"}},
	"auto.commit.interval.ms":  {why: "positions are committed by Commit alone"},
	"enable.auto.offset.store": {why: "positions are committed by Commit alone", want: []string{"false"}},
	"offset.store.method":      {why: "positions are committed by Commit alone", want: []string{"broker"}},
	"offset.store.path":        {why: "positions are committed by Commit alone"},
	"offset.store.sync.interval.ms": {
		why: "positions are committed by Commit alone",
	},
	"auto.offset.reset":             {why: "positions are those of Join and Read", want: []string{"error"}},
	"enable.partition.eof":          {why: "the driver sets it"},
	"consume.callback.max.messages": {why: "nothing is received by callbacks"},

	"log.queue": {why: "the driver sets what the Go client needs"},

	"go.logs.channel":        {fits: anything},
	"go.logs.channel.enable": {fits: anything},
}

func anything(string) bool { return true }

// aliases are second names of settings that have a default here, or are looked
// at.
//
//nolint:gochecknoglobals // never changed
var aliases = map[string]string{
	"linger.ms":                 "queue.buffering.max.ms",
	"max.partition.fetch.bytes": "fetch.message.max.bytes",
	"sasl.mechanism":            "sasl.mechanisms",
	"max.in.flight":             "max.in.flight.requests.per.connection",
	"compression.type":          "compression.codec",
	"delivery.timeout.ms":       "message.timeout.ms",
	"request.required.acks":     "acks",
	"retries":                   "message.send.max.retries",
}

// consumerSettings are those that only a client has that receives.
//
//nolint:gochecknoglobals // never changed
var consumerSettings = set("auto.commit.enable", "auto.offset.reset", "check.crcs", "coordinator.query.interval.ms",
	"enable.auto.commit", "enable.auto.offset.store", "fetch.error.backoff.ms", "fetch.max.bytes",
	"fetch.message.max.bytes", "fetch.min.bytes", "fetch.queue.backoff.ms", "fetch.wait.max.ms", "group.protocol",
	"group.protocol.type", "heartbeat.interval.ms", "isolation.level", "max.poll.interval.ms", "offset.store.method",
	"partition.assignment.strategy", "queued.max.messages.kbytes", "queued.min.messages", "session.timeout.ms")

// producerSettings are those that only a client has that publishes.
//
//nolint:gochecknoglobals // never changed
var producerSettings = set("acks", "batch.num.messages", "compression.codec", "compression.level",
	"delivery.report.only.error", "enable.gapless.guarantee", "enable.idempotence", "message.send.max.retries",
	"message.timeout.ms", "partitioner", "queue.buffering.backpressure.threshold", "queue.buffering.max.kbytes",
	"queue.buffering.max.messages", "queue.buffering.max.ms", "queuing.strategy", "request.timeout.ms",
	"sticky.partitioning.linger.ms")

func set(names ...string) map[string]bool {
	all := make(map[string]bool, len(names))
	for _, name := range names {
		all[name] = true
	}
	return all
}

// defaults are what a caller may change.
func defaults() settings {
	return map[string]kafka.ConfigValue{
		"client.id":                    "asynccalls",
		"allow.auto.create.topics":     false,
		"socket.timeout.ms":            10_000,
		"reconnect.backoff.max.ms":     1000,
		"queue.buffering.max.ms":       0,
		"queue.buffering.max.messages": 100_000,
		"queue.buffering.max.kbytes":   64 << 10,

		"isolation.level":               "read_uncommitted",
		"heartbeat.interval.ms":         1000,
		"max.poll.interval.ms":          60_000,
		"coordinator.query.interval.ms": 10_000,
		"fetch.wait.max.ms":             250,
		"fetch.queue.backoff.ms":        10,
		"fetch.max.bytes":               16 << 20,
		"queued.max.messages.kbytes":    16 << 10,
	}
}

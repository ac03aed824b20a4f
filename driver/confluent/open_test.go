package confluent_test

import (
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"

	"github.com/asynccalls/asynccalls/internal/drivers/kafkatest"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	"github.com/asynccalls/asynccalls/driver/confluent"
)

func TestOpenSeeds(t *testing.T) {
	t.Parallel()
	kafkatest.OpenSeeds(t, func(seeds string) (io.Closer, error) { return confluent.Open(seeds, nil) })
}

func TestOpenRefusesSettings(t *testing.T) {
	t.Parallel()
	const (
		outcome   = "the driver answers for the outcome of each record; leave it out, or give "
		commits   = "positions are committed by Commit alone; leave it out"
		positions = "positions are those of Join and Read; leave it out, or give "
		client    = "the driver sets what the Go client needs; leave it out"
		limit     = "the driver asks each topic for its limit; leave it out"
		assignor  = "partitions are assigned by the cooperative-sticky assignor; leave it out"
		replicas  = `all in-sync replicas must have a record; leave it out, or give "all"`
		order     = "records would be out of order; "
		written   = `records that were not written could be taken for it; leave it out, or give "1"`
	)
	tests := map[string]struct {
		value kafka.ConfigValue
		given string
		why   string
	}{
		"bootstrap.servers":    {"other:9092", "other:9092", "addresses are the first argument of Open; leave it out"},
		"metadata.broker.list": {"other:9092", "other:9092", "addresses are the first argument of Open; leave it out"},
		"default.topic.config": {
			kafka.ConfigMap{"acks": 1}, "map[acks:1]", "settings of topics have no map of their own; give them beside the others",
		},
		"{topic}.acks":             {1, "1", client},
		"allow.auto.create.topics": {true, "true", `topics are created by Create alone; leave it out, or give "false"`},
		"topic.metadata.propagation.max.ms": {
			1, "1", "the driver decides how long a topic may be missing; leave it out",
		},
		"topic.blacklist":        {"a", "a", "topics that exist would be missing; leave it out"},
		"statistics.interval.ms": {1000, "1000", `nobody reads statistics; leave it out, or give "0"`},
		"enabled_events":         {1, "1", "the driver needs events of its own; leave it out"},

		"acks":                                  {"1", "1", replicas},
		"request.required.acks":                 {0, "0", replicas},
		"enable.idempotence":                    {false, "false", `records would be written twice; leave it out, or give "true"`},
		"max.in.flight":                         {5, "5", written},
		"max.in.flight.requests.per.connection": {"many", "many", written},
		"queuing.strategy":                      {"lifo", "lifo", order + `leave it out, or give "fifo"`},
		"enable.gapless.guarantee": {
			true, "true", `a record that is refused would end the client; leave it out, or give "false"`,
		},
		"message.send.max.retries":   {3, "3", outcome + `"2147483647"`},
		"retries":                    {0, "0", outcome + `"2147483647"`},
		"message.timeout.ms":         {5000, "5000", outcome + `"0"`},
		"delivery.timeout.ms":        {5000, "5000", outcome + `"0"`},
		"delivery.report.only.error": {true, "true", outcome + `"false"`},
		"message.max.bytes":          {5000, "5000", limit},
		"batch.size":                 {5000, "5000", limit},
		"partitioner": {
			"consistent_random", "consistent_random",
			`partitions are chosen as Kafka does; leave it out, or give "murmur2_random"`,
		},
		"transactional.id":       {"id", "id", "records are published without a transaction; leave it out"},
		"transaction.timeout.ms": {1000, "1000", "records are published without a transaction; leave it out"},

		"group.id":          {"group", "group", "groups are joined by Join; leave it out"},
		"group.instance.id": {"a", "a", "a member leaves its group at once when it is closed; leave it out"},
		"group.protocol": {
			"consumer", "consumer", `members of other drivers are in the same groups; leave it out, or give "classic"`,
		},
		"group.protocol.type":           {"other", "other", `members are consumers; leave it out, or give "consumer"`},
		"group.remote.assignor":         {"uniform", "uniform", assignor},
		"partition.assignment.strategy": {"range", "range", assignor + `, or give "cooperative-sticky"`},

		"enable.auto.commit":            {true, "true", commits + `, or give "false"`},
		"auto.commit.enable":            {true, "true", commits + `, or give "false"`},
		"auto.commit.interval.ms":       {100, "100", commits},
		"enable.auto.offset.store":      {true, "true", commits + `, or give "false"`},
		"offset.store.method":           {"file", "file", commits + `, or give "broker"`},
		"offset.store.path":             {"x", "x", commits},
		"offset.store.sync.interval.ms": {1, "1", commits},
		"auto.offset.reset":             {"latest", "latest", positions + `"error"`},
		"enable.partition.eof":          {true, "true", "the driver sets it; leave it out"},
		"consume.callback.max.messages": {1, "1", "nothing is received by callbacks; leave it out"},

		"fetch.error.backoff.ms": {
			10, "10", "the driver finds topics that are created again by it; leave it out",
		},
		"log.queue":                       {false, "false", client},
		"go.batch.producer":               {true, "true", client},
		"go.delivery.reports":             {false, "false", client},
		"go.delivery.report.fields":       {"all", "all", client},
		"go.events.channel.enable":        {true, "true", client},
		"go.events.channel.size":          {1, "1", client},
		"go.produce.channel.size":         {1, "1", client},
		"go.application.rebalance.enable": {true, "true", client},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := confluent.Open("localhost:9092", &kafka.ConfigMap{"client.id": "id", name: tt.value})
			if err == nil {
				_ = d.Close()
			}
			want := fmt.Sprintf("confluent: setting %q is %q: %s", name, tt.given, tt.why)
			if got := fmt.Sprint(err); got != want {
				t.Errorf("open: error %q, want %q", got, want)
			}
		})
	}
}

// TestOpenRefusesTogether gives settings that do not fit each other, and those
// that librdkafka refuses.
func TestOpenRefusesTogether(t *testing.T) {
	t.Parallel()
	logs := make(chan kafka.LogEvent)
	tests := map[string]struct {
		given kafka.ConfigMap
		want  string
	}{
		"logs without a channel": {
			kafka.ConfigMap{"go.logs.channel.enable": true}, `setting "go.logs.channel.enable" is "true": nobody would read`,
		},
		"channel without logs": {
			kafka.ConfigMap{"go.logs.channel": logs}, `setting "go.logs.channel.enable" is "false": nobody would read`,
		},
		"nobody fetches tokens": {
			kafka.ConfigMap{"sasl.mechanism": "OAUTHBEARER"}, `give "sasl.oauthbearer.method" as "oidc"`,
		},
		"no such setting": {kafka.ConfigMap{"no.such.setting": 1}, `No such configuration property: "no.such.setting"`},
		"out of range":    {kafka.ConfigMap{"queued.min.messages": 0}, `"queued.min.messages"`},
		"sessions longer than polls": {
			kafka.ConfigMap{"session.timeout.ms": 100_000}, "max.poll.interval.ms",
		},
		"a type of its own": {kafka.ConfigMap{"client.id": []string{"a"}}, "client.id"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := confluent.Open("localhost:9092", &tt.given)
			if err == nil {
				_ = d.Close()
			}
			if got := fmt.Sprint(err); !strings.HasPrefix(got, "confluent: ") || !strings.Contains(got, tt.want) {
				t.Errorf("open: error %q, want one with %q", got, tt.want)
			}
		})
	}
}

func TestOpenAcceptsSettings(t *testing.T) {
	t.Parallel()
	tests := map[string]kafka.ConfigMap{
		"nothing":      {},
		"what is set":  {"acks": "all", "enable.idempotence": true, "partitioner": "murmur2_random"},
		"as numbers":   {"acks": -1, "max.in.flight": 1, "message.timeout.ms": 0, "retries": 2147483647},
		"as text":      {"enable.auto.commit": "false", "enable.auto.offset.store": "FALSE", "fetch.min.bytes": "10"},
		"group":        {"partition.assignment.strategy": "cooperative-sticky", "group.protocol": "classic"},
		"linger":       {"linger.ms": 5},
		"linger again": {"queue.buffering.max.ms": 5},
		"compression":  {"compression.type": "zstd", "compression.level": 3},
		"buffer":       {"queue.buffering.max.messages": 10, "queue.buffering.max.kbytes": 10},
		"no bound":     {"queue.buffering.max.messages": 0},
		"fetch":        {"fetch.wait.max.ms": 10, "max.partition.fetch.bytes": 10_000, "queued.min.messages": 10},
		"isolation":    {"isolation.level": "read_committed", "check.crcs": true},
		"session":      {"session.timeout.ms": 10_000, "max.poll.interval.ms": 20_000, "heartbeat.interval.ms": 500},
		"TLS":          {"security.protocol": "ssl", "enable.ssl.certificate.verification": false},
		"SASL": {
			"security.protocol": "sasl_plaintext", "sasl.mechanism": "SCRAM-SHA-256", "sasl.username": "u", "sasl.password": "p",
		},
		"OIDC": {
			"security.protocol": "sasl_plaintext", "sasl.mechanisms": "OAUTHBEARER", "sasl.oauthbearer.method": "oidc",
			"sasl.oauthbearer.client.id": "id", "sasl.oauthbearer.client.secret": "secret",
			"sasl.oauthbearer.token.endpoint.url": "https://localhost:1/token",
		},
		"rack":   {"client.rack": "a"},
		"sticky": {"sticky.partitioning.linger.ms": 0},
		"logs":   {"go.logs.channel.enable": true, "go.logs.channel": make(chan kafka.LogEvent, 10_000), "log_level": 3},
	}
	for name, given := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := maps.Clone(given)
			d, err := confluent.Open("127.0.0.1:1", &given)
			if err != nil {
				t.Fatalf("open: %v", err)
			}
			if err := d.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			if fmt.Sprint(given) != fmt.Sprint(before) {
				t.Errorf("the settings were changed to %v", given)
			}
		})
	}
}

func TestSettingsReachGroups(t *testing.T) {
	t.Parallel()
	kafkatest.SettingsReachGroups(t, with(kafka.ConfigMap{"client.id": "told"}))
}

// TestOneRequestInFlight checks what keeps librdkafka from taking a batch for written that
// is not, see the documentation of the package.
func TestOneRequestInFlight(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]kafka.ConfigMap{
		"default": {},
		"given":   {"max.in.flight.requests.per.connection": 1},
	} {
		if got := confluent.InFlight(open(t, "127.0.0.1:1", settings)); got != 1 {
			t.Errorf("%s: %v requests in flight, want 1", name, got)
		}
	}
}

package embedded_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/asynccalls/asynccalls/embedded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(tb testing.TB, o embedded.Options) *embedded.Broker {
	tb.Helper()
	broker, err := embedded.Start(o)
	if err != nil {
		tb.Fatalf("start: %v", err)
	}
	tb.Cleanup(func() { _ = broker.Close() })
	return broker
}

func connect(tb testing.TB, broker *embedded.Broker, opts ...kgo.Opt) *kgo.Client {
	tb.Helper()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(broker.Addr()))...)
	if err != nil {
		tb.Fatalf("connect: %v", err)
	}
	tb.Cleanup(client.Close)
	return client
}

func TestBrokerListensOnLoopback(t *testing.T) {
	t.Parallel()
	host, _, err := net.SplitHostPort(start(t, embedded.Options{}).Addr())
	if err != nil || !net.ParseIP(host).IsLoopback() {
		t.Errorf("broker listens on %q (%v), want a loopback address", host, err)
	}
}

func TestBrokerListensWhereTold(t *testing.T) {
	t.Parallel()
	first := start(t, embedded.Options{Listen: "localhost:0"})
	addr := first.Addr()
	if _, err := embedded.Start(embedded.Options{Listen: addr}); err == nil {
		t.Errorf("a second broker at %q started, want an error", addr)
	}
	if err := first.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Errorf("close once more: %v", err)
	}
	if second := start(t, embedded.Options{Listen: addr}); second.Addr() != addr {
		t.Errorf("broker listens on %q, want %q", second.Addr(), addr)
	}
}

func TestBrokerRefusesOptions(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		options embedded.Options
		want    string
	}{
		"no port":             {embedded.Options{Listen: "127.0.0.1"}, `"127.0.0.1"`},
		"wildcard":            {embedded.Options{Listen: "0.0.0.0:0"}, `"0.0.0.0:0"`},
		"wildcard of IPv6":    {embedded.Options{Listen: "[::]:0"}, `"[::]:0"`},
		"no host":             {embedded.Options{Listen: ":19092"}, `":19092"`},
		"negative partitions": {embedded.Options{Partitions: -1}, "Partitions is -1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := embedded.Start(tt.options)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("start: error %v, want one with %s", err, tt.want)
			}
		})
	}
}

func TestBrokerTopics(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		options embedded.Options
		want    int
	}{
		"by default": {embedded.Options{}, 4},
		"as told":    {embedded.Options{Partitions: 7}, 7},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			admin := kadm.NewClient(connect(t, start(t, tt.options), kgo.AllowAutoTopicCreation()))
			created, err := admin.CreateTopic(t.Context(), -1, -1, nil, "made")
			if err != nil || created.NumPartitions != int32(tt.want) {
				t.Errorf("topic has %d partitions (%v), want %d", created.NumPartitions, err, tt.want)
			}
			topics, err := admin.ListTopics(t.Context(), "used")
			if err != nil || topics.Has("used") {
				t.Errorf("topics are %v (%v), want none made by being asked for", topics.Names(), err)
			}
		})
	}
}

func TestBrokerKeepsData(t *testing.T) {
	t.Parallel()
	options := embedded.Options{Dir: t.TempDir() + "/data"}
	first := start(t, options)
	client := connect(t, first)
	if _, err := kadm.NewClient(client).CreateTopic(t.Context(), 2, 1, nil, "kept"); err != nil {
		t.Fatalf("create topic: %v", err)
	}
	record := &kgo.Record{Topic: "kept", Key: []byte("key"), Value: []byte("value")}
	if err := client.ProduceSync(t.Context(), record).FirstErr(); err != nil {
		t.Fatalf("produce: %v", err)
	}
	client.Close()
	if err := first.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}

	consumer := connect(t, start(t, options), kgo.ConsumeTopics("kept"))
	fetches := consumer.PollFetches(t.Context())
	if records := fetches.Records(); len(records) != 1 || string(records[0].Value) != "value" {
		t.Errorf("received %d records (%v), want the one that was kept", len(records), fetches.Err())
	}
}

func TestBrokerKeepsNothingByDefault(t *testing.T) {
	t.Parallel()
	first := start(t, embedded.Options{})
	if _, err := kadm.NewClient(connect(t, first)).CreateTopic(t.Context(), 1, 1, nil, "gone"); err != nil {
		t.Fatalf("create topic: %v", err)
	}
	_ = first.Close()
	second := start(t, embedded.Options{Listen: first.Addr()})
	topics, err := kadm.NewClient(connect(t, second, kgo.RetryTimeout(5*time.Second))).ListTopics(t.Context())
	if err != nil || len(topics.Names()) != 0 {
		t.Errorf("topics are %v (%v), want none", topics.Names(), err)
	}
}

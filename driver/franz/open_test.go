package franz_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/franz"
	"github.com/asynccalls/asynccalls/embedded"
	"github.com/asynccalls/asynccalls/internal/drivers/kafkatest"
)

func TestOpenSeeds(t *testing.T) {
	t.Parallel()
	kafkatest.OpenSeeds(t, func(seeds string) (io.Closer, error) { return franz.Open(seeds) })
}

func TestOpenRefusesOptions(t *testing.T) {
	t.Parallel()
	called := func(context.Context, *kgo.Client, map[string][]int32) {}
	tests := map[string]kgo.Opt{
		"SeedBrokers":                         kgo.SeedBrokers("other:9092"),
		"WithContext":                         kgo.WithContext(t.Context()),
		"AllowAutoTopicCreation":              kgo.AllowAutoTopicCreation(),
		"WithPools":                           kgo.WithPools(bodies{}),
		"DefaultProduceTopic":                 kgo.DefaultProduceTopic("topic"),
		"RequiredAcks":                        kgo.RequiredAcks(kgo.LeaderAck()),
		"DisableIdempotentWrite":              kgo.DisableIdempotentWrite(),
		"AllowIdempotentProduceCancellation":  kgo.AllowIdempotentProduceCancellation(),
		"MaxProduceRequestsInflightPerBroker": kgo.MaxProduceRequestsInflightPerBroker(7),
		"ProducerBatchMaxBytes":               kgo.ProducerBatchMaxBytes(1000),
		"RecordPartitioner":                   kgo.RecordPartitioner(kgo.RoundRobinPartitioner()),
		"RecordRetries":                       kgo.RecordRetries(1),
		"UnknownTopicRetries":                 kgo.UnknownTopicRetries(1),
		"StopProducerOnDataLossDetected":      kgo.StopProducerOnDataLossDetected(),
		"ManualFlushing":                      kgo.ManualFlushing(),
		"RecordDeliveryTimeout":               kgo.RecordDeliveryTimeout(time.Minute),
		"TransactionalID":                     kgo.TransactionalID("id"),
		"ConsumePartitions":                   kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"topic": {0: kgo.NewOffset()}}),
		"ConsumeTopics":                       kgo.ConsumeTopics("topic"),
		"ConsumeRegex":                        kgo.ConsumeRegex(),
		"ConsumeStartOffset":                  kgo.ConsumeStartOffset(kgo.NewOffset().AtEnd()),
		"ConsumeResetOffset":                  kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()),
		"KeepControlRecords":                  kgo.KeepControlRecords(),
		"KeepRetryableFetchErrors":            kgo.KeepRetryableFetchErrors(),
		"ConsumerGroup":                       kgo.ConsumerGroup("group"),
		"ShareGroup":                          kgo.ShareGroup("group"),
		"InstanceID":                          kgo.InstanceID("instance"),
		"GroupProtocol":                       kgo.GroupProtocol("protocol"),
		"Balancers":                           kgo.Balancers(kgo.RangeBalancer()),
		"ServerSideBalancer":                  kgo.ServerSideBalancer(),
		"BlockRebalanceOnPoll":                kgo.BlockRebalanceOnPoll(),
		"OnPartitionsAssigned":                kgo.OnPartitionsAssigned(called),
		"OnPartitionsRevoked":                 kgo.OnPartitionsRevoked(called),
		"OnPartitionsLost":                    kgo.OnPartitionsLost(called),
		"OnPartitionsCallbackBlocked":         kgo.OnPartitionsCallbackBlocked(func(context.Context, *kgo.Client) {}),
		"DisableAutoCommit":                   kgo.DisableAutoCommit(),
		"GreedyAutoCommit":                    kgo.GreedyAutoCommit(),
		"AutoCommitInterval":                  kgo.AutoCommitInterval(time.Second),
		"AutoCommitMarks":                     kgo.AutoCommitMarks(),
		"OnOffsetsFetched": kgo.OnOffsetsFetched(
			func(context.Context, *kgo.Client, *kmsg.OffsetFetchResponse) error { return nil }),
		"AutoCommitCallback": kgo.AutoCommitCallback(
			func(*kgo.Client, *kmsg.OffsetCommitRequest, *kmsg.OffsetCommitResponse, error) {}),
		"AdjustFetchOffsetsFn": kgo.AdjustFetchOffsetsFn(
			func(context.Context, map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
				return nil, nil
			}),
	}
	for name, opt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := franz.Open("localhost:9092", kgo.ClientID("id"), opt, kgo.DialTimeout(time.Second))
			if err == nil {
				_ = d.Close()
			}
			if got, want := fmt.Sprint(err), fmt.Sprintf("franz: option %q: ", name); !strings.HasPrefix(got, want) {
				t.Errorf("open: error %q, want one that begins with %q", got, want)
			}
		})
	}
}

func TestOpenRefusesInvalidValues(t *testing.T) {
	t.Parallel()
	d, err := franz.Open("localhost:9092", kgo.MaxBufferedRecords(-1))
	if err == nil {
		_ = d.Close()
		t.Fatalf("open with a negative bound succeeded, want an error")
	}
}

// TestOpenChecksSessions gives options that only make sense together.
func TestOpenChecksSessions(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		opts []kgo.Opt
		want string // part of the error, empty if there is none
	}{
		"short":              {[]kgo.Opt{kgo.SessionTimeout(2 * time.Second)}, ""},
		"short, heartbeats":  {[]kgo.Opt{kgo.SessionTimeout(time.Second), kgo.HeartbeatInterval(100 * time.Millisecond)}, ""},
		"long, heartbeats":   {[]kgo.Opt{kgo.HeartbeatInterval(time.Minute), kgo.SessionTimeout(time.Hour)}, ""},
		"too short":          {[]kgo.Opt{kgo.SessionTimeout(500 * time.Millisecond)}, "heartbeat interval"},
		"heartbeats too far": {[]kgo.Opt{kgo.HeartbeatInterval(time.Minute)}, "heartbeat interval"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := franz.Open("localhost:9092", tt.opts...)
			if err == nil {
				_ = d.Close()
			}
			if got := fmt.Sprint(err); (err != nil) != (tt.want != "") || !strings.Contains(got, tt.want) {
				t.Errorf("open: error %q, want one with %q", got, tt.want)
			}
		})
	}
}

func TestOpenAcceptsOptions(t *testing.T) {
	t.Parallel()
	opts := map[string]kgo.Opt{
		"TLS":               kgo.DialTLSConfig(&tls.Config{MinVersion: tls.VersionTLS13}),
		"SASL":              kgo.SASL(plain.Auth{User: "user", Pass: "pass"}.AsMechanism()),
		"client ID":         kgo.ClientID("id"),
		"logger":            kgo.WithLogger(kgo.BasicLogger(t.Output(), kgo.LogLevelError, nil)),
		"all acks":          kgo.RequiredAcks(kgo.AllISRAcks()),
		"linger":            kgo.ProducerLinger(time.Millisecond),
		"compression":       kgo.ProducerBatchCompression(kgo.ZstdCompression()),
		"buffer":            kgo.MaxBufferedRecords(10),
		"session timeout":   kgo.SessionTimeout(10 * time.Second),
		"heartbeats":        kgo.HeartbeatInterval(time.Second),
		"rebalance timeout": kgo.RebalanceTimeout(time.Minute),
		"fetch":             kgo.FetchMaxWait(time.Second),
		"isolation":         kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		"rack":              kgo.Rack("rack"),
		"metadata":          kgo.MetadataMaxAge(time.Minute),
	}
	for name, opt := range opts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			open(t, "localhost:9092", opt)
		})
	}
}

// counter counts the clients that it is a hook of.
type counter struct{ made, closed atomic.Int32 }

func (c *counter) OnNewClient(*kgo.Client)    { c.made.Add(1) }
func (c *counter) OnClientClosed(*kgo.Client) { c.closed.Add(1) }

func TestOpenHooks(t *testing.T) {
	t.Parallel()
	addr := kafkatest.Start(t, embedded.Options{}).Addr()
	hook := &counter{}
	d := open(t, addr, kgo.WithHooks(hook), kgo.SessionTimeout(10*time.Second))
	if made := hook.made.Load(); made != 1 {
		t.Errorf("%d clients made by Open, want 1", made)
	}
	topic := kafkatest.Create(t, d, 1)
	kafkatest.Read(t, d, topic, 0)
	if made := hook.made.Load(); made != 2 {
		t.Errorf("%d clients made by Open and Read, want 2", made)
	}
	if err := d.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if closed := hook.closed.Load(); closed != 2 {
		t.Errorf("%d clients closed, want 2", closed)
	}
}

func TestOptionsReachGroups(t *testing.T) {
	t.Parallel()
	kafkatest.SettingsReachGroups(t, with(kgo.ClientID("told")))
}

// bodies would use the memory of a body again that was received.
type bodies struct{}

var _ kgo.PoolDecompressBytes = bodies{}

func (bodies) GetDecompressBytes([]byte, kgo.CompressionCodecType) []byte { return nil }

func (bodies) PutDecompressBytes([]byte) {}

// TestOptionsAreShared opens two drivers with the same options, as a program does that
// keeps them, and has both make clients at once: nobody writes into what was given.
func TestOptionsAreShared(t *testing.T) {
	t.Parallel()
	codecs := []kgo.CompressionCodec{kgo.GzipCompression(), kgo.GzipCompression(), kgo.NoCompression()}
	given := slices.Clone(codecs)
	option := kgo.ProducerBatchCompression(given...)
	broker := kafkatest.Start(t, embedded.Options{})
	first, second := with(option)(t, broker.Addr()), with(option)(t, broker.Addr())
	topic := kafkatest.Create(t, first, 1)
	var readers sync.WaitGroup
	for _, d := range []driver.Driver{first, second, first, second} {
		readers.Go(func() {
			r, err := d.Read(t.Context(), driver.Partition{Topic: topic}, 0)
			if err != nil {
				t.Error(err)
				return
			}
			_ = r.Close()
		})
	}
	readers.Wait()
	if !slices.Equal(given, codecs) {
		t.Errorf("codecs are %v, want %v as given", given, codecs)
	}
}

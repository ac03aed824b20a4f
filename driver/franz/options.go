package franz

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A rule says why an option of franz-go can't be given.
type rule struct {
	option any // the function that makes the option
	name   string
	why    string
}

// typedRules are about options that are typed as those of producers, consumers
// and groups. None of them can hold hooks, so trying them has no effect.
func typedRules() []rule {
	const (
		order     = "records would be out of order"
		publisher = "the driver answers for the outcome of each record"
		commits   = "positions are committed by Commit alone"
		listener  = "the Listener of Join is called instead"
		positions = "positions are those of Join and Read"
		topics    = "topics are those of Join and Read"
	)
	return []rule{
		{kgo.DefaultProduceTopic, "DefaultProduceTopic", "each record names its topic"},
		{kgo.DefaultProduceTopicAlways, "DefaultProduceTopicAlways", "each record names its topic"},
		{kgo.RequiredAcks, "RequiredAcks", "all in-sync replicas must have a record"},
		{kgo.DisableIdempotentWrite, "DisableIdempotentWrite", "records would be written twice"},
		{kgo.AllowIdempotentProduceCancellation, "AllowIdempotentProduceCancellation", publisher},
		{kgo.MaxProduceRequestsInflightPerBroker, "MaxProduceRequestsInflightPerBroker", order},
		{kgo.ProducerBatchMaxBytes, "ProducerBatchMaxBytes", "the driver asks each topic for its limit"},
		{kgo.ProducerBatchMaxBytesFn, "ProducerBatchMaxBytesFn", "the driver asks each topic for its limit"},
		{kgo.RecordPartitioner, "RecordPartitioner", "partitions are chosen as Kafka does"},
		{kgo.RecordRetries, "RecordRetries", publisher},
		{kgo.UnknownTopicRetries, "UnknownTopicRetries", publisher},
		{kgo.StopProducerOnDataLossDetected, "StopProducerOnDataLossDetected", publisher},
		{kgo.ManualFlushing, "ManualFlushing", "records would wait for Flush"},
		{kgo.RecordDeliveryTimeout, "RecordDeliveryTimeout", publisher},
		{kgo.TransactionalID, "TransactionalID", "records are published without a transaction"},

		{kgo.ConsumePartitions, "ConsumePartitions", topics},
		{kgo.ConsumeTopics, "ConsumeTopics", topics},
		{kgo.ConsumeRegex, "ConsumeRegex", topics},
		{kgo.ConsumeExcludeTopics, "ConsumeExcludeTopics", topics},
		{kgo.ConsumeResetOffset, "ConsumeResetOffset", positions}, // sets the next one too
		{kgo.ConsumeStartOffset, "ConsumeStartOffset", positions},
		{kgo.KeepControlRecords, "KeepControlRecords", "they are not records of the contract"},
		{kgo.KeepRetryableFetchErrors, "KeepRetryableFetchErrors", "the driver retries"},

		{kgo.ConsumerGroup, "ConsumerGroup", "groups are joined by Join"},
		{kgo.ShareGroup, "ShareGroup", "groups are joined by Join"},
		{kgo.InstanceID, "InstanceID", "a member leaves its group at once when it is closed"},
		{kgo.GroupProtocol, "GroupProtocol", "members are consumers"},
		{kgo.Balancers, "Balancers", "partitions are assigned by the cooperative-sticky balancer"},
		{kgo.ServerSideBalancer, "ServerSideBalancer", "partitions are assigned by the cooperative-sticky balancer"},
		{kgo.BlockRebalanceOnPoll, "BlockRebalanceOnPoll", "the driver sets it"},
		{kgo.AdjustFetchOffsetsFn, "AdjustFetchOffsetsFn", positions},
		{kgo.OnPartitionsAssigned, "OnPartitionsAssigned", listener},
		{kgo.OnPartitionsRevoked, "OnPartitionsRevoked", listener},
		{kgo.OnPartitionsLost, "OnPartitionsLost", listener},
		{kgo.OnPartitionsCallbackBlocked, "OnPartitionsCallbackBlocked", listener},
		{kgo.OnOffsetsFetched, "OnOffsetsFetched", positions},
		{kgo.DisableAutoCommit, "DisableAutoCommit", "the driver sets it"},
		{kgo.GreedyAutoCommit, "GreedyAutoCommit", commits},
		{kgo.AutoCommitInterval, "AutoCommitInterval", commits},
		{kgo.AutoCommitMarks, "AutoCommitMarks", commits},
		{kgo.AutoCommitCallback, "AutoCommitCallback", commits},
	}
}

// checkPlain returns an error for the first of the other options that breaks the
// contract, by what they made of a client.
func checkPlain(client *kgo.Client, addrs []string) error {
	switch {
	case !slices.Equal(client.OptValue(kgo.SeedBrokers).([]string), addrs):
		return rule{name: "SeedBrokers", why: "addresses are the first argument of Open"}.broken()
	case client.OptValue(kgo.WithContext) != nil:
		return rule{name: "WithContext", why: "the driver ends with Close alone"}.broken()
	case reflect.ValueOf(client.OptValue(kgo.WithPools)).Len() > 0:
		return rule{name: "WithPools", why: "what is received belongs to whoever gets it"}.broken()
	case client.OptValue(kgo.AllowAutoTopicCreation) == true:
		return rule{name: "AllowAutoTopicCreation", why: "topics are created by Create alone"}.broken()
	}
	return nil
}

func (r rule) broken() error { return fmt.Errorf("franz: option %q: %s", r.name, r.why) }

// checkTyped returns an error for the first option that breaks the contract. It
// tries each one alone on a client that never connects, and those of groups
// together, as they must fit each other.
func checkTyped(opts []kgo.Opt) error {
	group := append(defaults(), kgo.ConsumerGroup("franz"))
	for _, o := range opts {
		switch o.(type) {
		case kgo.ProducerOpt, kgo.ConsumerOpt, kgo.GroupOpt:
			if err := checkOne(o); err != nil {
				return err
			}
		}
		if _, ok := o.(kgo.GroupOpt); ok {
			group = append(group, o)
		}
	}
	if _, err := try(group); err != nil {
		return fmt.Errorf("franz: options of groups: %w", err)
	}
	return nil
}

func checkOne(o kgo.Opt) error {
	broken, err := compare(marks(), o)
	if err == nil {
		return broken
	}
	// Some options are not accepted without a group. The callbacks among them
	// can't be seen in the client, which has callbacks of its own then.
	for _, r := range typedRules() {
		if r.made(o) {
			return r.broken()
		}
	}
	broken, e := compare(append(marks(), lenient()...), o)
	if e != nil {
		return fmt.Errorf("franz: option of type %T: %w", o, err)
	}
	return broken
}

// made guesses from the names of functions whether the option was made by that of
// the rule.
func (r rule) made(o kgo.Opt) bool {
	v := reflect.ValueOf(o)
	if v.Kind() != reflect.Struct || v.NumField() != 1 || v.Field(0).Kind() != reflect.Func {
		return false
	}
	name := runtime.FuncForPC(v.Field(0).Pointer()).Name()
	return slices.Contains(strings.Split(name, "."), r.name)
}

// marks returns options with values that nobody else gives, so that an option
// that replaces them shows, though it has the value that is the default.
func marks() []kgo.Opt {
	return []kgo.Opt{
		kgo.RecordPartitioner(partitioner{}),
		kgo.ProducerBatchMaxBytes(defaultLimit - 1),
	}
}

// lenient returns options of a group that any other one fits to.
func lenient() []kgo.Opt {
	return []kgo.Opt{
		kgo.ConsumerGroup("franz"),
		kgo.HeartbeatInterval(time.Millisecond),
		kgo.SessionTimeout(24 * time.Hour),
	}
}

// uncompressed compresses nothing. A client that has a compressor leaves the codecs
// that were given to it as they are.
type uncompressed struct{}

func (uncompressed) Compress(_ *bytes.Buffer, src []byte, _ ...kgo.CompressFlag) ([]byte, kgo.CompressionCodecType) {
	return src, kgo.CodecNone
}

// try makes a client that is closed from the beginning, and closes it. It changes
// nothing of the options.
func try(opts []kgo.Opt) (*kgo.Client, error) {
	closed, cancel := context.WithCancel(context.Background())
	cancel()
	own := []kgo.Opt{kgo.WithContext(closed), kgo.WithCompressor(uncompressed{})}
	client, err := kgo.NewClient(slices.Concat(own, opts)...)
	if err != nil {
		return nil, err
	}
	client.Close()
	return client, nil
}

// compare returns the error of the first rule that an option breaks, by what it
// makes of a client, and an error if no client can be made.
func compare(base []kgo.Opt, o kgo.Opt) (broken, err error) {
	before, err := try(base)
	if err != nil {
		return nil, err
	}
	after, err := try(append(base, o))
	if err != nil {
		return nil, err
	}
	for _, r := range typedRules() {
		if !same(before.OptValue(r.option), after.OptValue(r.option)) {
			return r.broken(), nil
		}
	}
	return nil, nil
}

// same compares two values of one option. Functions are the same if both are
// nil, or both are not: a function given where there is one by default is marked
// by another option.
func same(a, b any) bool {
	va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
	if va.Kind() == reflect.Func && vb.Kind() == reflect.Func {
		return va.IsNil() == vb.IsNil()
	}
	return reflect.DeepEqual(a, b)
}

// defaults are what the options of the caller may change.
func defaults() []kgo.Opt {
	return []kgo.Opt{
		kgo.ClientID("asynccalls"),
		kgo.ProducerLinger(0),
		kgo.MaxBufferedRecords(100_000),
		kgo.MaxBufferedBytes(64 << 20),
		kgo.MaxDecompressBatchBytes(128 << 20),
		kgo.FetchMaxBytes(16 << 20),
		kgo.FetchMaxWait(250 * time.Millisecond),
		kgo.MetadataMinAge(250 * time.Millisecond),
		kgo.HeartbeatInterval(time.Second),
		kgo.RetryBackoffFn(backoff),
	}
}

// backoff is how long the client waits after a number of failures in a row: 100
// ms, then twice as long each time up to 1 s, more or less a fifth of it.
func backoff(failures int) time.Duration {
	wait := min(100*time.Millisecond<<min(max(failures-1, 0), 10), time.Second)
	return time.Duration(float64(wait) * (0.8 + 0.4*rand.Float64()))
}

// publishing is what the client that publishes needs; its buffer is bounded by
// the driver.
func (d *Driver) publishing() []kgo.Opt {
	return []kgo.Opt{
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(partitioner{}),
		kgo.ProducerBatchMaxBytesFn(d.limits.of),
		kgo.UnknownTopicRetries(3),
		kgo.MaxBufferedRecords(math.MaxInt32),
		kgo.MaxBufferedBytes(0),
	}
}

// producing returns the options that are about publishing.
func producing(opts []kgo.Opt) []kgo.Opt {
	var own []kgo.Opt
	for _, o := range opts {
		if _, ok := o.(kgo.ProducerOpt); ok {
			own = append(own, o)
		}
	}
	return own
}

// bounds returns the bounds of the buffer that the options of a client say.
func bounds(client *kgo.Client) (records, bytes int64) {
	records, _ = client.OptValue(kgo.MaxBufferedRecords).(int64)
	bytes, _ = client.OptValue(kgo.MaxBufferedBytes).(int64)
	if bytes == 0 {
		bytes = math.MaxInt64
	}
	return records, bytes
}

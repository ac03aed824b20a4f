package asynccalls_test

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/memory"
)

// tier is a broker that a rule is tried on. A test uses it through the tier's own
// line, or through others that it makes with connect.
type tier struct {
	line
	topics   asynccalls.Topics // keep tests apart
	connect  func(t *testing.T) line
	remove   func(topic string) error // deletes a topic
	truncate func(topic string) error // deletes all records of a topic with one partition

	// limit changes how large batches of a topic may be. A driver that knows the
	// topic goes on with what it knows.
	limit func(topic string, bytes int) error
}

// rule tries a rule on all tiers: on the broker in memory, in virtual time; on the
// Kafka broker inside the process; and on Apache Kafka if the environment names
// one. The tests that use it are named after the rules of the design, and are the
// same on all tiers.
func rule(t *testing.T, f func(ctx context.Context, t *testing.T, w *tier)) {
	t.Helper()
	ruleInMemory(t, f)
	for name, seed := range kafkaSeeds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			try(t, f, newKafkaTier(t, seed(t)))
		})
	}
}

// ruleInMemory tries a rule in memory only. A test that uses it says why.
func ruleInMemory(t *testing.T, f func(ctx context.Context, t *testing.T, w *tier)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) { try(t, f, memoryTier(t)) })
	})
}

func try(t *testing.T, f func(ctx context.Context, t *testing.T, w *tier), w *tier) {
	t.Helper()
	w.line = w.connect(t)
	w.topics.Partitions, w.topics.ReplyPartitions = 1, 1
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	f(ctx, t, w)
}

func memoryTier(t *testing.T) *tier {
	t.Helper()
	broker := memory.New()
	t.Cleanup(func() { broker.Close() })
	return &tier{
		connect: func(t *testing.T) line { return newMemoryLine(t, broker) },
		remove:  broker.DeleteTopic,
		truncate: func(topic string) error {
			return broker.DeleteRecords(driver.Partition{Topic: topic}, -1)
		},
		limit: func(topic string, bytes int) error { // of single records: there are no batches
			if err := broker.DeleteTopic(topic); err != nil {
				return err
			}
			return broker.Create(t.Context(), driver.Topic{Name: topic, Partitions: 1, MaxBytes: bytes})
		},
	}
}

func newKafkaTier(t *testing.T, addr string) *tier {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	admin := kadm.NewClient(client)
	return &tier{
		topics:  asynccalls.Topics{Prefix: "test-" + rand.Text() + "."},
		connect: func(t *testing.T) line { return newKafkaLine(t, addr) },
		remove: func(topic string) error {
			_, err := admin.DeleteTopic(t.Context(), topic)
			return err
		},
		truncate: func(topic string) error {
			ends, err := admin.ListEndOffsets(t.Context(), topic)
			if err != nil {
				return err
			}
			_, err = admin.DeleteRecords(t.Context(), ends.Offsets())
			return err
		},
		limit: func(topic string, bytes int) error {
			value := strconv.Itoa(bytes)
			changed, err := admin.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "max.message.bytes", Value: &value}}, topic)
			if err != nil {
				return err
			}
			return changed[0].Err
		},
	}
}

// new returns a service that is closed with the test.
func (w *tier) new(t *testing.T, id string, d driver.Driver, o ...asynccalls.Option) *asynccalls.Service {
	t.Helper()
	return newService(t, id, d, append([]asynccalls.Option{w.topics}, o...)...)
}

// client returns a service that makes calls. After the test none of them may have
// a place in the lane.
func (w *tier) client(t *testing.T, o ...asynccalls.Option) *asynccalls.Service {
	t.Helper()
	var s *asynccalls.Service
	t.Cleanup(func() {
		if n := s.PendingCalls(); n != 0 {
			t.Errorf("%d calls are pending after Close, want none", n)
		}
	})
	s = w.new(t, "client", w, o...)
	return s
}

// serve starts the service "server" with one handler for each endpoint.
func (w *tier) serve(t *testing.T, handlers map[string]asynccalls.Handler, o ...asynccalls.Option) *asynccalls.Service {
	t.Helper()
	s := w.new(t, "server", w, o...)
	for pattern, h := range handlers {
		s.Handle(pattern, h)
	}
	listen(t, s)
	return s
}

// serveOn starts an instance of "server" on a line of its own, which may be closed:
// then the instance is dead, as far as others can see.
func (w *tier) serveOn(t *testing.T, l line, pattern string, h asynccalls.Handler) {
	t.Helper()
	s := newStubborn(t, "server", l, w.topics)
	t.Cleanup(func() { s.Close() }) // may fail
	s.Handle(pattern, h)
	listen(t, s)
}

// all returns the records that are in a topic.
func (w *tier) all(t *testing.T, topic string) []driver.Record {
	t.Helper()
	return read(t, w, w.topics.Prefix+topic)
}

// await waits until a topic with one partition has n records, and returns them.
func (w *tier) await(ctx context.Context, t *testing.T, topic string, n int) []driver.Record {
	t.Helper()
	r, err := w.Read(ctx, driver.Partition{Topic: w.topics.Prefix + topic}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	buf := make([]driver.Record, 100)
	var all []driver.Record
	for len(all) < n {
		k, err := r.Receive(ctx, buf)
		if err != nil {
			t.Fatalf("%d records in %s, then %v; want %d", len(all), topic, err, n)
		}
		all = append(all, slices.Clone(buf[:k])...)
	}
	return all
}

// again publishes records once more, each in its partition.
func (w *tier) again(t *testing.T, records ...driver.Record) {
	t.Helper()
	for _, r := range records {
		publish(t, w, driver.Record{Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: r.Value, Headers: r.Headers})
	}
}

// next waits for what comes next.
func next[T any](ctx context.Context, t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-ctx.Done():
		t.Fatal("nothing came in time")
		panic("unreachable") //nolint:forbidigo // Fatal does not return
	}
}

// checkEnd reads a call to its end, and checks that it delivers these responses
// and then ends as wanted, once. An *Error that is wanted is compared as a whole.
func checkEnd(t *testing.T, c *asynccalls.Call, bodies []string, want error) {
	t.Helper()
	var got []string
	var ends []error
	for r, err := range c.Responses() {
		switch {
		case err != nil:
			ends = append(ends, err)
		case len(ends) > 0:
			t.Errorf("response %q came after the end", r.Body)
		default:
			got = append(got, string(r.Body))
		}
	}
	if diff := cmp.Diff(bodies, got); diff != "" {
		t.Errorf("responses (-want +got):\n%s", diff)
	}
	if len(ends) > 1 {
		t.Errorf("the call ended %d times: %v", len(ends), ends)
	}
	checkError(t, errors.Join(ends...), want)
}

func checkError(t *testing.T, err, want error) {
	t.Helper()
	var e *asynccalls.Error
	if errors.As(want, &e) {
		checkStatus(t, err, e.Status, e.Message)
	} else if !errors.Is(err, want) {
		t.Errorf("ended with %v, want %v", err, want)
	}
}

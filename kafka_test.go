package asynccalls_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/franz"
	"github.com/asynccalls/asynccalls/embedded"
)

// kafkaSeeds returns the brokers that speak the Kafka protocol, each with what
// gives its address: that inside the process and, if the environment names one,
// Apache Kafka.
func kafkaSeeds() map[string]func(t *testing.T) string {
	seeds := map[string]func(t *testing.T) string{
		"embedded": func(t *testing.T) string {
			t.Helper()
			b, err := embedded.Start(embedded.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { b.Close() })
			return b.Addr()
		},
	}
	if addr := os.Getenv("ASYNCCALLS_KAFKA"); addr != "" {
		seeds["kafka"] = func(*testing.T) string { return addr }
	}
	return seeds
}

// kafkaTier runs a test on these brokers. topics keeps the tests apart.
func kafkaTier(t *testing.T, f func(ctx context.Context, t *testing.T, d driver.Driver, topics asynccalls.Topics)) {
	t.Helper()
	for name, seed := range kafkaSeeds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := franz.Open(seed(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { d.Close() })
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			t.Cleanup(cancel)
			f(ctx, t, d, asynccalls.Topics{Prefix: "test-" + rand.Text() + "."})
		})
	}
}

// TestKafkaInstancesComeAndGo handles requests of a few keys while instances
// join and leave: none is lost, and per key none comes before an earlier one.
func TestKafkaInstancesComeAndGo(t *testing.T) {
	t.Parallel()
	kafkaTier(t, func(ctx context.Context, t *testing.T, d driver.Driver, topics asynccalls.Topics) {
		const keys, rounds, perRound = 8, 6, 200
		var mu sync.Mutex // guards what follows
		var next [keys]int
		handled, repeated := 0, 0
		all := make(chan struct{})
		start := func() *asynccalls.Service {
			s := newService(t, "server", d, topics)
			s.Handle("/e", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
				mu.Lock()
				defer mu.Unlock()
				key, _ := strconv.Atoi(r.Key)
				nr, _ := strconv.Atoi(string(r.Body))
				switch {
				case nr > next[key]:
					t.Errorf("key %d: handled number %d before %d", key, nr, next[key])
				case nr < next[key]:
					repeated++
				default:
					next[key]++
					if handled++; handled == rounds*perRound {
						close(all)
					}
				}
				return nil
			})
			listen(t, s)
			return s
		}
		instances := []*asynccalls.Service{start()}
		client := newService(t, "client", d, topics)
		for round := range rounds {
			var batch []*asynccalls.Request
			for i := range perRound {
				r := asynccalls.NewRequest("server", "/e", []byte(strconv.Itoa((round*perRound+i)/keys)))
				r.Key = strconv.Itoa(i % keys)
				batch = append(batch, r)
			}
			if err := client.Notify(ctx, batch...); err != nil {
				t.Fatal(err)
			}
			instances = append(instances, start())
			if round%2 == 1 {
				if err := instances[0].Close(); err != nil {
					t.Errorf("close an instance: %v", err)
				}
				instances = instances[1:]
			}
		}
		select {
		case <-all:
		case <-ctx.Done():
		}
		mu.Lock()
		defer mu.Unlock()
		t.Logf("%d requests, %d handled more than once", handled, repeated)
		if handled != rounds*perRound {
			t.Errorf("%d requests were handled, want %d", handled, rounds*perRound)
		}
	})
}

// TestKafkaGarbage puts what is not ours between good requests (1.4).
func TestKafkaGarbage(t *testing.T) {
	t.Parallel()
	kafkaTier(t, func(ctx context.Context, t *testing.T, d driver.Driver, topics asynccalls.Topics) {
		s := newService(t, "server", d, topics)
		got := make(chan string, 10)
		s.Handle("/e", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
			got <- string(r.Body)
			return nil
		})
		listen(t, s)
		topic := topics.Prefix + "server.requests"
		headers := []driver.Header{{Key: "x", Value: nil}, {Key: "x", Value: []byte{}}, {Key: "ac", Value: []byte("?")}}
		for i := range 3 {
			publish(t, d, driver.Record{Topic: topic, Partition: 1, Key: []byte{}, Value: nil, Headers: headers})
			publish(t, d, driver.Record{
				Topic: topic, Partition: 1, Value: []byte(strconv.Itoa(i)),
				Headers: []driver.Header{{Key: "ac", Value: fmt.Appendf(nil, "1 n id-%d /e tester", i)}},
			})
		}
		for range 3 {
			select {
			case <-got:
			case <-ctx.Done():
				t.Fatal("a good request was not handled")
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		dead := read(t, d, topics.Prefix+"server.dead")
		if len(dead) != 3 {
			t.Fatalf("there are %d dead letters, want 3", len(dead))
		}
		for _, r := range dead {
			if diff := cmp.Diff([]any{[]byte{}, []byte(nil), headers}, []any{r.Key, r.Value, r.Headers[:3]}); diff != "" {
				t.Errorf("dead letter (-want +got):\n%s", diff)
			}
		}
	})
}

package asynccalls_test

import (
	"context"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// TestGarbage puts records that are not ours, or cannot be handled, into each
// topic: they go to the dead letters byte for byte, and the good records around
// them are handled (1.4, 3.7, pitfall 10).
func TestGarbage(t *testing.T) {
	t.Parallel()
	ac := func(v string) driver.Header { return driver.Header{Key: "ac", Value: []byte(v)} }
	tests := map[string]struct {
		topic   string
		headers []driver.Header
		reason  string
	}{
		"no header":        {"requests", []driver.Header{{Key: "x", Value: []byte("y")}}, "ac"},
		"no headers":       {"requests", nil, "ac"},
		"two":              {"requests", []driver.Header{ac("1 n a /e client"), ac("1 n a /e client")}, "ac"},
		"malformed":        {"requests", []driver.Header{ac("1 n"), {Key: "x"}, {Key: "x", Value: []byte{}}}, "malformed"},
		"higher version":   {"requests", []driver.Header{ac("2 n a /e client")}, "version"},
		"wrong kind":       {"requests", []driver.Header{ac("1 d a.r.0 server /e")}, "malformed"},
		"unknown endpoint": {"requests", []driver.Header{ac("1 n a /nowhere client")}, `unknown endpoint "/nowhere"`},
		"durable, unknown": {"requests", []driver.Header{ac("1 s a /nowhere server")}, `unknown endpoint "/nowhere"`},
		"bad body":         {"requests", []driver.Header{ac("1 s a /json server")}, "body is not valid"},
		"response":         {"responses", []driver.Header{{Key: "x"}}, "ac"},
		"request there":    {"responses", []driver.Header{ac("1 n a /e client")}, "malformed"},
		"reply there":      {"responses", []driver.Header{ac("1 r 0.X.0.1 a.r.0")}, "kind"},
		"unknown service":  {"responses", []driver.Header{ac("1 d a.r.0 other /e")}, "no handler of responses"},
		"unknown path":     {"responses", []driver.Header{ac("1 d a.r.0 other2 /nowhere")}, "no handler of responses"},
		"bad response":     {"responses", []driver.Header{ac("1 d a.r.0 other2 /json")}, "body is not valid"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world(t, func(t *testing.T, d *faulty) {
				s := newService(t, "server", d)
				var handled list
				s.Handle("/e", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
					handled.add(string(r.Body))
					return nil
				})
				asynccalls.HandleJSON(s, "/json", func(_ context.Context, in int) (int, error) { return in, nil })
				s.HandleResponses("other2", "/e", func(_ context.Context, r *asynccalls.Response) error {
					handled.add(string(r.Body))
					return nil
				})
				asynccalls.HandleResponsesJSON(s, "other2", "/json",
					func(context.Context, *asynccalls.Response, int) error { return nil })
				listen(t, s)
				good := driver.Record{Topic: "server.requests", Value: []byte("good"), Headers: []driver.Header{ac("1 n id /e client")}}
				if tt.topic == "responses" {
					good.Topic, good.Headers = "server.responses", []driver.Header{ac("1 d id.r.0 other2 /e")}
				}
				bad := driver.Record{Topic: good.Topic, Key: []byte{0, 255}, Value: []byte("\x00bad"), Headers: tt.headers}
				publish(t, d, good)
				publish(t, d, bad)
				publish(t, d, good)
				synctest.Wait()
				if diff := cmp.Diff([]string{"good", "good"}, handled.sorted()); diff != "" {
					t.Errorf("handled (-want +got):\n%s", diff)
				}
				checkDeadLetter(t, d, &bad, tt.reason)
			})
		})
	}
}

// checkDeadLetter looks for one dead letter of the service "server" and compares
// it with the record that it is made of.
func checkDeadLetter(t *testing.T, d driver.Driver, want *driver.Record, reason string) {
	t.Helper()
	dead := read(t, d, "server.dead")
	if len(dead) != 1 {
		t.Fatalf("there are %d dead letters, want 1", len(dead))
	}
	got := dead[0]
	if len(got.Headers) != len(want.Headers)+2 {
		t.Fatalf("dead letter has headers %v, want those of the record and two", got.Headers)
	}
	kept, added := got.Headers[:len(want.Headers)], got.Headers[len(want.Headers):]
	if len(want.Headers) == 0 {
		kept = want.Headers
	}
	if diff := cmp.Diff([]any{want.Key, want.Value, want.Headers}, []any{got.Key, got.Value, kept}); diff != "" {
		t.Errorf("dead letter (-want +got):\n%s", diff)
	}
	if added[0].Key != "ac-dead" || added[1].Key != "ac-error" {
		t.Errorf("headers added are %q and %q", added[0].Key, added[1].Key)
	}
	from, err := wire.DecodeDead(added[0].Value)
	if err != nil || from.Topic != want.Topic || from.Partition != want.Partition || from.Service != "server" {
		t.Errorf("ac-dead is %+v, error %v", from, err)
	}
	if !strings.Contains(string(added[1].Value), reason) {
		t.Errorf("ac-error is %q, want %q in it", added[1].Value, reason)
	}
}

// TestCommitOnlyAfterSuccess blocks one request and shows that nothing from it on
// is committed, and that another instance gets it (2.1, pitfalls 1 and 3).
func TestCommitOnlyAfterSuccess(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		first := newStubborn(t, "server", d, asynccalls.Topics{Partitions: 1}, asynccalls.Limits{Grace: time.Second})
		free := make(chan struct{})
		first.Handle("/e", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
			if string(r.Body) == "2" {
				<-free
			}
			return nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() { result <- first.Listen(ctx) }()
		if err := first.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		client := newService(t, "client", d)
		for i := range 5 {
			if err := client.Notify(t.Context(), asynccalls.NewRequest("server", "/e", []byte(strconv.Itoa(i)))); err != nil {
				t.Fatal(err)
			}
		}
		pass(10 * time.Second)
		for _, p := range d.committed() {
			if p.Offset > 2 {
				t.Errorf("offset %d is committed although request 2 is not done", p.Offset)
			}
		}
		cancel()
		if err := <-result; err == nil || !strings.Contains(err.Error(), `handlers did not stop within 1s: /e`) {
			t.Errorf("Listen returned %v, want the handler that would not stop", err)
		}
		close(free)
		if err := first.Close(); err == nil {
			t.Error("Close returned nil, want what Listen returned")
		}
		var again list
		serve(t, d, "server", "/e", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
			again.add(string(r.Body))
			return nil
		})
		synctest.Wait()
		if diff := cmp.Diff([]string{"2", "3", "4"}, again.sorted()); diff != "" {
			t.Errorf("delivered again (-want +got):\n%s", diff)
		}
	})
}

// TestUnacknowledgedResponseIsNotDone withholds the acknowledgement of a response
// (2.1, pitfall 24).
func TestUnacknowledgedResponseIsNotDone(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		serve(t, d, "server", "/e", reply(nil, "a"))
		client := newService(t, "client", d)
		gather(client)
		if err := client.Send(t.Context(), asynccalls.NewRequest("server", "/other", nil)); err != nil {
			t.Fatal(err) // makes the topic
		}
		pass(time.Second)
		before := len(d.committed())
		var hold atomic.Bool
		d.onPublish(func(r *driver.Record) error {
			if r.Topic == "client.responses" && hold.CompareAndSwap(false, true) {
				d.holdOutcomes(true)
			}
			return nil
		})
		if err := client.Send(t.Context(), asynccalls.NewRequest("server", "/e", nil)); err != nil {
			t.Fatal(err)
		}
		pass(10 * time.Second)
		if got := d.committed()[before:]; len(got) != 0 {
			t.Errorf("committed %v before the responses were acknowledged", got)
		}
		d.onPublish(nil)
		d.holdOutcomes(false)
		pass(time.Second)
		if got := d.committed()[before:]; len(got) != 1 {
			t.Errorf("committed %v after the responses were acknowledged, want one position", got)
		}
	})
}

// TestOrderByKey handles many requests of few keys with many workers: per key one
// at a time and in order, keys in parallel (2.3).
func TestOrderByKey(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	world(t, func(t *testing.T, d *faulty) {
		const keys, requests = 16, 2000
		var busy [keys]atomic.Int32
		var next [keys]int
		var now, most atomic.Int32
		s := newService(t, "server", d, asynccalls.Topics{Partitions: 1})
		s.Handle("/e", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
			key, _ := strconv.Atoi(r.Key)
			if busy[key].Add(1) != 1 {
				t.Errorf("two requests of key %d at once", key)
			}
			if nr, _ := strconv.Atoi(string(r.Body)); nr != next[key] {
				t.Errorf("key %d: handled number %d, want %d", key, nr, next[key])
			}
			next[key]++
			for n := now.Add(1); n > most.Load(); n = now.Load() {
				most.Store(n)
			}
			pass(time.Duration(1+len(r.Body)) * time.Millisecond)
			now.Add(-1)
			busy[key].Add(-1)
			return nil
		})
		listen(t, s)
		client := newService(t, "client", d)
		var sent [keys]int
		var batch []*asynccalls.Request
		for range requests {
			key := random.IntN(keys)
			r := asynccalls.NewRequest("server", "/e", []byte(strconv.Itoa(sent[key])))
			r.Key = strconv.Itoa(key)
			sent[key]++
			batch = append(batch, r)
		}
		if err := client.Notify(t.Context(), batch...); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		if next != sent {
			t.Errorf("handled %v, want %v", next, sent)
		}
		if most.Load() != keys {
			t.Errorf("at most %d keys ran at once in one partition, want %d", most.Load(), keys)
		}
	})
}

// TestProtocolHeadersStayHidden hands a dead letter back, as a replay does: the
// handler sees the user's headers only.
func TestProtocolHeadersStayHidden(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		var got asynccalls.Header
		serve(t, d, "server", "/e", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
			got = r.Header
			return nil
		})
		publish(t, d, driver.Record{Topic: "server.requests", Headers: []driver.Header{
			{Key: "x", Value: []byte("1")},
			{Key: "ac", Value: []byte("1 n id /e client")},
			{Key: "accept", Value: []byte("2")},
			{Key: "ac-dead", Value: []byte("whatever")},
			{Key: "x", Value: []byte("3")},
		}})
		synctest.Wait()
		want := asynccalls.Header{{Key: "x", Value: "1"}, {Key: "accept", Value: "2"}, {Key: "x", Value: "3"}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("headers (-want +got):\n%s", diff)
		}
	})
}

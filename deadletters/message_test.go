package deadletters_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls/deadletters"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/memory"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// TestReplayKeepsTheMessage compares what goes back with what died, byte for
// byte.
func TestReplayKeepsTheMessage(t *testing.T) {
	t.Parallel()
	user := []driver.Header{header("x", "1"), {Key: "y"}, {Key: "x", Value: []byte{}}, header("ac-future", "2 \x00")}
	tests := map[string]struct {
		topic  string // that it comes from; default server.requests
		ac     string
		want   string // its ac afterwards; default the same
		key    []byte
		value  []byte
		source int64 // offset
	}{
		"one-way":                  {ac: "1 n id /e client", key: []byte("k"), value: []byte("\x00v")},
		"one-way with a ttl":       {ac: "1 n id /e client 1500", want: "1 n id /e client"},
		"durable":                  {ac: "1 s id:7 /caf%C3%A9 client", key: []byte{}, value: []byte{}},
		"durable with a ttl":       {ac: "1 s id /e client 1", want: "1 s id /e client"},
		"awaited":                  {ac: "1 c id /e client 30000 3.A.117.4", want: "1 n id /e client"},
		"of a higher version":      {ac: "2 s something else"},
		"response":                 {topic: "server.responses", ac: "1 d id.r.0 other /e e404", value: []byte("gone")},
		"end":                      {topic: "server.responses", ac: "1 d id.r.0 other /e b"},
		"response, higher version": {topic: "server.responses", ac: "3 d"},
		"response stored nowhere":  {topic: "client.responses", ac: "1 d id.r.0 server /e", source: -1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world(t, func(t *testing.T, d *tap) {
				if err := d.Create(t.Context(), driver.Topic{Name: "client.responses", Partitions: 1}); err != nil {
					t.Fatal(err)
				}
				dead := wire.Dead{Topic: "server.requests", Service: "server", Offset: tt.source}
				if tt.topic != "" {
					dead.Topic = tt.topic
				}
				if tt.want == "" {
					tt.want = tt.ac
				}
				pair := []driver.Header{header("ac-dead", string(wire.AppendDead(nil, &dead))), header("ac-error", "why")}
				all := []driver.Header{user[0], header("ac", tt.ac), header("ac-replay", "1 1 server.dead 0 5")}
				all = append(append(append(append(all, user[1]), pair...), user[2:]...), pair...)
				publish(t, d, driver.Record{
					Topic: "server.dead", Partition: 2, Time: start, Key: tt.key, Value: tt.value, Headers: all,
				})
				checkTold(t, replayAll(t, d, deadletters.Options{}), string(tt.value)+" put back")
				got := records(t, d, dead.Topic)
				if len(got) != 1 {
					t.Fatalf("%d records went back, want 1", len(got))
				}
				want := []driver.Header{user[0], header("ac", tt.want), user[1], user[2], user[3], header("ac-replay", "1 2 server.dead 2 0")}
				if diff := cmp.Diff([]any{tt.key, tt.value, want}, []any{got[0].Key, got[0].Value, got[0].Headers}); diff != "" {
					t.Errorf("message (-want +got):\n%s", diff)
				}
				if !got[0].Time.After(start) {
					t.Errorf("time is %v, want that of the replay", got[0].Time)
				}
			})
		})
	}
}

// TestReplaySkipsWhatCannotGoBack has letters that would come back, and letters
// that would have Replay write where it must not.
func TestReplaySkipsWhatCannotGoBack(t *testing.T) {
	t.Parallel()
	request, response := "1 n id /e client", "1 d id.r.0 server /e"
	tests := map[string]struct {
		topic   string
		offset  int64
		headers []driver.Header
		want    string
	}{
		"no header":             {"server.requests", 0, nil, `no header "ac"`},
		"two":                   {"server.requests", 0, []driver.Header{header("ac", request), header("ac", request)}, "more than one"},
		"malformed":             {"server.requests", 0, []driver.Header{header("ac", "1 n")}, "malformed"},
		"response in requests":  {"server.requests", 0, []driver.Header{header("ac", response)}, "not a request"},
		"request in responses":  {"server.responses", 0, []driver.Header{header("ac", request)}, "not a response"},
		"no header, responses":  {"server.responses", 0, nil, `no header "ac"`},
		"reply in responses":    {"server.responses", 0, []driver.Header{header("ac", "1 r 0.A.0.0 id.r.0")}, "awaited"},
		"replies":               {"server.replies", 0, []driver.Header{header("ac", "1 r 0.A.0.0 id.r.0")}, `topic "server.replies"`},
		"itself":                {"server.dead", 0, []driver.Header{header("ac", request)}, `topic "server.dead"`},
		"another service":       {"other.requests", 0, []driver.Header{header("ac", request)}, `topic "other.requests"`},
		"another, nowhere":      {"other.requests", -1, []driver.Header{header("ac", request)}, `topic "other.requests"`},
		"responses of another":  {"other.responses", 0, []driver.Header{header("ac", response)}, `topic "other.responses"`},
		"response of another":   {"other.responses", -1, []driver.Header{header("ac", "1 d id.r.0 third /e")}, `topic "other.responses"`},
		"request to responses":  {"other.responses", -1, []driver.Header{header("ac", request)}, `topic "other.responses"`},
		"no header, nowhere":    {"other.responses", -1, nil, `topic "other.responses"`},
		"topic of no service":   {"Other.responses", -1, []driver.Header{header("ac", response)}, `topic "Other.responses"`},
		"topic with other name": {"server.requests.old", 0, []driver.Header{header("ac", request)}, `topic "server.requests.old"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world(t, func(t *testing.T, d *tap) {
				dead := wire.Dead{Topic: tt.topic, Service: "server", Offset: tt.offset}
				publish(t, d, driver.Record{
					Topic:   "server.dead",
					Headers: append(tt.headers, header("ac-dead", string(wire.AppendDead(nil, &dead)))),
				})
				publish(t, d, driver.Record{Topic: "server.dead", Value: []byte("no letter")})
				write(t, d, letter{value: "good"})
				results := replayAll(t, d, deadletters.Options{})
				if len(results) != 3 || !strings.Contains(results[0].Skipped, tt.want) || results[0].Err != nil ||
					!strings.Contains(results[1].Skipped, "not a dead letter") || told(results)[2] != "good put back" {
					t.Errorf("results are %q, want the first two skipped, the first because of %q", told(results), tt.want)
				}
				if len(d.handed) != 2 {
					t.Errorf("%d records were written, want the good one and its mark", len(d.handed))
				}
			})
		})
	}
}

// TestReplayPrefix replays in a deployment with a prefix, and not out of it.
func TestReplayPrefix(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		createTopics(t, d, "staging-", 1)
		for _, l := range []struct{ topic, ac string }{
			{"staging-server.requests", "1 n id /e c"},
			{"server.requests", "1 n id /e c"},
			{"client.responses", "1 d id.r.0 server /e"},
		} {
			dead := wire.Dead{Topic: l.topic, Partition: -1, Offset: -1, Service: "server"}
			publish(t, d, driver.Record{
				Topic: "staging-server.dead", Value: []byte(l.topic),
				Headers: []driver.Header{header("ac", l.ac), header("ac-dead", string(wire.AppendDead(nil, &dead)))},
			})
		}
		checkTold(t, replayAll(t, d, deadletters.Options{Prefix: "staging-"}), "staging-server.requests put back",
			`server.requests skipped: it is said to come from topic "server.requests", which is not one of server`,
			`client.responses skipped: it is said to come from topic "client.responses", which is not one of server`)
		checkCount(t, d, "staging-server.requests", 1)
		checkCount(t, d, "server.requests", 0)
	})
}

// TestReplayStub fetches messages that were too large for the dead letters.
func TestReplayStub(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		large := strings.Repeat("v", 1000_000)
		message := []driver.Header{header("x", "1"), header("ac", "1 s id /e client 5"), header("ac-replay", "1 1 server.dead 0 9"), {Key: "y"}}
		at := publish(t, d, driver.Record{
			Topic: "server.requests", Partition: 1, Key: []byte("k"), Value: []byte(large), Headers: message, Time: start,
		})
		stub := wire.Dead{
			Topic: "server.requests", Partition: 1, Offset: at.Offset, Time: start, Service: "server", Endpoint: "/e", Stub: true,
		}
		put := func(edit func(*wire.Dead)) {
			dead := stub
			edit(&dead)
			publish(t, d, driver.Record{
				Topic: "server.dead", Key: []byte("k"),
				Headers: append(message[1:3:3], header("ac-dead", string(wire.AppendDead(nil, &dead))), header("ac-error", "why")),
			})
		}
		put(func(*wire.Dead) {})
		put(func(dead *wire.Dead) { dead.Time = start.Add(time.Second) })
		put(func(dead *wire.Dead) { dead.Offset = 1 })
		put(func(dead *wire.Dead) { dead.Offset = 1<<63 - 1 })
		put(func(dead *wire.Dead) { dead.Partition = 3 })
		put(func(dead *wire.Dead) { dead.Offset = -1 })

		dry := replayAll(t, d, deadletters.Options{DryRun: true})
		results := replayAll(t, d, deadletters.Options{})
		gone := " skipped: it is a stub, and the message is not at server.requests/"
		want := []string{
			" put back", gone + "1@0 any more", gone + "1@1 any more", gone + "1@9223372036854775807 any more",
			gone + "3@0 any more", " skipped: it is a stub of a message that was stored nowhere",
		}
		checkTold(t, dry, want...)
		checkTold(t, results, want...)
		if l := results[0].Letter; !l.Stub || l.Value != nil || l.Replays != 1 || l.RequestID != "id" {
			t.Errorf("letter is %+v, want a stub without value, replayed once", l)
		}
		all := partitionRecords(t, d, driver.Partition{Topic: "server.requests", ID: results[0].To.Partition})
		got := all[results[0].To.Offset]
		wantHeaders := []driver.Header{header("x", "1"), header("ac", "1 s id /e client"), {Key: "y"}, header("ac-replay", "1 2 server.dead 0 0")}
		if diff := cmp.Diff([]any{"k", wantHeaders}, []any{string(got.Key), got.Headers}); diff != "" || string(got.Value) != large {
			t.Errorf("message has %d bytes, want %d; key and headers (-want +got):\n%s", len(got.Value), len(large), diff)
		}

		if err := d.Driver.(*memory.Driver).DeleteRecords(driver.Partition{Topic: "server.requests", ID: 1}, 1); err != nil {
			t.Fatal(err)
		}
		checkTold(t, replayAll(t, d, deadletters.Options{Again: true})[:1], gone+"1@0 any more")
		checkReadersClosed(t, d)
	})
}

// TestReplayStubUnreadable cannot reach the topic of a stub: that is a failure,
// and later messages of its key are held up.
func TestReplayStubUnreadable(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		broken := errors.New("broken network")
		at := publish(t, d, driver.Record{Topic: "server.requests", Time: start, Headers: []driver.Header{header("ac", "1 n id /e c")}})
		stub := wire.Dead{
			Topic: "server.requests", Partition: at.Partition, Offset: at.Offset, Time: start, Service: "server", Stub: true,
		}
		write(t, d, letter{key: "k", dead: stub}, letter{key: "k", value: "b"}, letter{key: "l", value: "c"})
		for fails := range 2 { // to find the end, to read
			n := 0
			d.onRead = func(p driver.Partition) error {
				if p.Topic != "server.requests" {
					return nil
				}
				if n++; n > fails {
					return broken
				}
				return nil
			}
			checkTold(t, replayAll(t, d, deadletters.Options{DryRun: true})[:2],
				" failed: fetch the message of a stub: broken network",
				"b skipped: an earlier message of its key was not put back")
		}
	})
}

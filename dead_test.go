package asynccalls_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// TestDeadLetterIsStoredBeforeCommit lets writing a dead letter fail for a while
// (pitfall 2).
func TestDeadLetterIsStoredBeforeCommit(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		serve(t, d, "server", "/e", reply(errors.New("broken")))
		client := newService(t, "client", d)
		tries := 0
		d.onPublish(func(r *driver.Record) error {
			if r.Topic == "server.dead" {
				tries++
				return driver.ErrRefused
			}
			return nil
		})
		if err := client.Notify(t.Context(), asynccalls.NewRequest("server", "/e", []byte("x"))); err != nil {
			t.Fatal(err)
		}
		elapse(time.Minute)
		if got := d.committed(); len(got) != 0 {
			t.Errorf("committed %v without a dead letter", got)
		}
		if tries < 5 || tries > 30 {
			t.Errorf("the dead letter was tried %d times in a minute, want some with a backoff", tries)
		}
		d.onPublish(nil)
		elapse(10 * time.Second)
		if got := d.committed(); len(got) != 1 {
			t.Errorf("committed %v, want one position", got)
		}
		if got := read(t, d, "server.dead"); len(got) != 1 || string(got[0].Value) != "x" {
			t.Errorf("dead letters are %v, want one", got)
		}
	})
}

// TestDeadLetterIsTooLarge fails messages that the topic of dead letters does not
// accept: stubs that point at them are stored instead (2.6).
func TestDeadLetterIsTooLarge(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 10_000)
	tests := map[string]struct {
		key, body, header string
		wantKey           string
		headers           []string
	}{
		"body":   {"k", large, "short", "k", []string{"ac", "ac-dead", "ac-error"}},
		"header": {"k", "short", large, "k", []string{"ac", "ac-dead", "ac-error"}},
		"key":    {large, "short", "short", "", []string{"ac-dead", "ac-error"}},
		"none":   {"k", "short", "short", "k", []string{"ac", "user", "ac-dead", "ac-error"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world(t, func(t *testing.T, d *faulty) {
				dead := driver.Topic{Name: "server.dead", Partitions: 1, MaxBytes: 2000}
				if err := d.Create(t.Context(), dead); err != nil {
					t.Fatal(err)
				}
				serve(t, d, "server", "/e", reply(asynccalls.Permanent(errBroken)))
				client := newService(t, "client", d)
				r := asynccalls.NewRequest("server", "/e", []byte(tt.body))
				r.Key, r.Header = tt.key, asynccalls.Header{{Key: "user", Value: tt.header}}
				sendAs(t, client, "one-way", r)
				elapse(time.Second)
				letters := read(t, d, "server.dead")
				if len(letters) != 1 {
					t.Fatalf("%d dead letters, want 1", len(letters))
				}
				var headers []string
				for _, h := range letters[0].Headers {
					headers = append(headers, h.Key)
				}
				if diff := cmp.Diff(tt.headers, headers); diff != "" || string(letters[0].Key) != tt.wantKey {
					t.Errorf("dead letter has key %q; headers (-want +got):\n%s", letters[0].Key, diff)
				}
				from, err := wire.DecodeDead(letters[0].Headers[len(headers)-2].Value)
				if stub := name != "none"; err != nil || from.Stub != stub || stub && letters[0].Value != nil {
					t.Errorf("dead letter says stub %t with %d bytes and error %v", from.Stub, len(letters[0].Value), err)
				}
				if from.Topic != "server.requests" || from.Offset != 0 {
					t.Errorf("dead letter points at %s, offset %d", from.Topic, from.Offset)
				}
				if got := d.committed(); len(got) != 1 {
					t.Errorf("committed %v, want one position", got)
				}
			})
		})
	}
}

// TestDeadLettersTopicIsDeleted deletes the topic of dead letters while a service
// runs: it is created again, or awaited if topics are not to be created, and
// meanwhile the failed request is not done (2.6).
func TestDeadLettersTopicIsDeleted(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]asynccalls.Option{
		"created again": nil,
		"awaited":       {asynccalls.WithoutTopicCreation()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world(t, func(t *testing.T, d *faulty) {
				serve(t, d, "server", "/e", reply(nil)).Close() // makes the topics
				s := newService(t, "server", d, options...)
				s.Handle("/e", reply(asynccalls.Permanent(errBroken)))
				listen(t, s)
				if err := d.broker.DeleteTopic("server.dead"); err != nil {
					t.Fatal(err)
				}
				client := newService(t, "client", d)
				sendAs(t, client, "one-way", asynccalls.NewRequest("server", "/e", nil))
				if options != nil {
					elapse(time.Minute)
					if got := d.committed(); len(got) != 0 {
						t.Errorf("committed %v without a dead letter", got)
					}
					if err := d.Create(t.Context(), driver.Topic{Name: "server.dead", Partitions: 1}); err != nil {
						t.Fatal(err)
					}
				}
				elapse(time.Minute)
				if n, got := len(read(t, d, "server.dead")), d.committed(); n != 1 || len(got) != 1 {
					t.Errorf("%d dead letters and commits %v, want one of each", n, got)
				}
			})
		})
	}
}

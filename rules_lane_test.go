package asynccalls_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
)

// TestKafkaRule33FreshClients makes many clients call at the moment they are made:
// a reply that arrives before the lane is positioned would be lost.
func TestKafkaRule33FreshClients(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		w.topics.ReplyPartitions = 3
		w.serve(t, map[string]asynccalls.Handler{"/e": reply(nil, "a")})
		var wg sync.WaitGroup
		for i := range int32(20) {
			client := w.client(t, asynccalls.WithReplyOrdinal(int(i)))
			wg.Go(func() {
				r, err := client.CallOne(ctx, asynccalls.NewRequest("server", "/e", nil))
				if err != nil {
					t.Errorf("client %d: %v", i, err)
				} else if r.Source.Partition != i%3 {
					t.Errorf("client %d was answered in partition %d, want %d", i, r.Source.Partition, i%3)
				}
			})
		}
		wg.Wait()
	})
}

// TestKafkaRule33Others has two instances read one partition, between them what is
// no response to either: each call gets its own.
func TestKafkaRule33Others(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		w.topics.ReplyPartitions = 4
		proceed := make(chan struct{})
		w.serve(t, map[string]asynccalls.Handler{
			"/e": func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
				<-proceed
				return reply(nil, string(r.Body))(ctx, w, r)
			},
		})
		var calls []*asynccalls.Call
		var requests []*asynccalls.Request
		for _, name := range []string{"one", "two"} {
			req := asynccalls.NewRequest("server", "/e", []byte(name))
			calls = append(calls, w.client(t, asynccalls.WithReplyOrdinal(3)).Call(ctx, req))
			requests = append(requests, req)
		}
		var garbage []driver.Record
		for _, r := range w.await(ctx, t, "server.requests", 2) {
			token, own := lastField(r.Headers[0].Value), requests[0].ID
			if slices.Equal(r.Value, requests[1].Body) {
				own = requests[1].ID
			}
			for _, ac := range []string{
				"", "garbage", "2 r x", "1 r " + token, "1 r " + token + " other-request.r.0 e",
				"1 r 3.Foreign.0.1 " + own + ".r.0 e", "1 c id /e client 1000 " + token,
			} {
				garbage = append(garbage, driver.Record{Value: []byte("bad"), Headers: []driver.Header{{Key: "ac", Value: []byte(ac)}}})
			}
			garbage = append(garbage, driver.Record{Value: []byte("no header")})
		}
		for _, r := range garbage {
			r.Topic, r.Partition = w.topics.Prefix+"client.replies", 3
			publish(t, w, r)
		}
		close(proceed)
		for i, c := range calls {
			checkEnd(t, c, []string{string(requests[i].Body)}, nil)
		}
	})
}

func lastField(ac []byte) string { return string(ac[strings.LastIndexByte(string(ac), ' ')+1:]) }

// groupless is a line on which nobody may join a group.
type groupless struct {
	line
	t *testing.T
}

func (l *groupless) Join(ctx context.Context, group string, topics []string, lis driver.Listener) (driver.Group, error) {
	l.t.Errorf("joined the group %q", group)
	return l.line.Join(ctx, group, topics, lis)
}

// TestKafkaRule33NoGroup calls from a service that does nothing else: its lane begins
// with the first call, and needs no group.
func TestKafkaRule33NoGroup(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		w.serve(t, map[string]asynccalls.Handler{"/e": reply(nil, "a")})
		client := w.new(t, "client", &groupless{w, t})
		if err := client.Notify(ctx, asynccalls.NewRequest("server", "/e", nil)); err != nil {
			t.Fatal(err)
		}
		exist := func() bool {
			t.Helper()
			topics, err := w.Topics(ctx, w.topics.Prefix+"client.replies")
			if err != nil {
				t.Fatal(err)
			}
			return len(topics) > 0
		}
		if exist() {
			t.Error("there is a topic for responses before the first call")
		}
		checkEnd(t, call(ctx, client, "/e"), []string{"a"}, nil)
		if !exist() {
			t.Error("there is no topic for responses after the first call")
		}
	})
}

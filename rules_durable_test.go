package asynccalls_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/deadletters"
)

// responses registers a handler that hands on what it gets.
func responses(s *asynccalls.Service, pattern string, o ...asynccalls.EndpointOption) <-chan *asynccalls.Response {
	got := make(chan *asynccalls.Response, 1000)
	s.HandleResponses("server", pattern, func(_ context.Context, r *asynccalls.Response) error {
		got <- r
		return nil
	}, o...)
	return got
}

func send(ctx context.Context, t *testing.T, s *asynccalls.Service, endpoint, key string) *asynccalls.Request {
	t.Helper()
	req := asynccalls.NewRequest("server", endpoint, nil)
	req.Key = key
	if err := s.Send(ctx, req); err != nil {
		t.Fatal(err)
	}
	return req
}

// TestKafkaRule34AnotherInstance sends from an instance that does not listen: the
// responses reach one that does, and one that is started after they were written.
func TestKafkaRule34AnotherInstance(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		w.serve(t, map[string]asynccalls.Handler{"/orders/{id}": reply(&asynccalls.Error{Status: 409, Message: "taken"}, "a", "b")})
		sender := w.client(t)
		responses(sender, "/orders/{id}")
		check := func(req *asynccalls.Request, got <-chan *asynccalls.Response) {
			t.Helper()
			run := ""
			for i, body := range []string{"a", "b", "taken"} {
				r := next(ctx, t, got)
				if i == 0 {
					run = r.Run
				}
				want := asynccalls.Response{
					ID: fmt.Sprintf("%s.%s.%d", req.ID, run, i), RequestID: req.ID, Service: "server", Endpoint: req.Endpoint,
					Key: "k", Run: run, Seq: i, Status: 200, Body: []byte(body), Source: r.Source,
				}
				if i == 2 {
					want.Status, want.End = 409, true
				}
				if diff := cmp.Diff(&want, r, cmpopts.IgnoreUnexported(want)); diff != "" {
					t.Errorf("response %d (-want +got):\n%s", i, diff)
				}
				if id := r.PathValue("id"); "/orders/"+id != req.Endpoint || r.PathValue("nr") != "" || run == "" {
					t.Errorf("path value of %q is %q, run is %q", req.Endpoint, id, run)
				}
				if r.Source.Topic != w.topics.Prefix+"client.responses" {
					t.Errorf("source is %v", r.Source)
				}
			}
		}
		running := w.client(t)
		got := responses(running, "/orders/{id}")
		listen(t, running)
		check(send(ctx, t, sender, "/orders/1", "k"), got)
		if err := running.Close(); err != nil {
			t.Fatal(err)
		}
		req := send(ctx, t, sender, "/orders/2", "k")
		w.await(ctx, t, "client.responses", 6)
		if err := sender.Close(); err != nil {
			t.Fatal(err)
		}
		later := w.client(t)
		got = responses(later, "/orders/{id}")
		listen(t, later)
		check(req, got)
	})
}

// TestKafkaRule34Ends has bare ends skip a handler that did not ask for them, and
// ends with an error reach each one.
func TestKafkaRule34Ends(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		w.serve(t, map[string]asynccalls.Handler{
			"/{kind}/none":  reply(nil),
			"/{kind}/one":   reply(nil, "a"),
			"/{kind}/last":  last("a"),
			"/{kind}/error": reply(&asynccalls.Error{Status: 409, Message: "taken"}, "a"),
		})
		client := w.client(t)
		plain := responses(client, "/plain/{what}")
		ends := responses(client, "/ends/{what...}", asynccalls.WithEnds())
		listen(t, client)
		for _, what := range []string{"none", "one", "error", "last"} { // in this order, as they have one key
			send(ctx, t, client, "/plain/"+what, "k")
			send(ctx, t, client, "/ends/"+what, "k")
		}
		for _, want := range []string{"one 0 200 a", "error 0 200 a", "error 1 end 409 taken", "last 0 end 200 a"} {
			checkResponse(t, next(ctx, t, plain), want)
		}
		for _, want := range []string{
			"none 0 bare", "one 0 200 a", "one 1 bare", "error 0 200 a", "error 1 end 409 taken", "last 0 end 200 a",
		} {
			checkResponse(t, next(ctx, t, ends), want)
		}
	})
}

func checkResponse(t *testing.T, r *asynccalls.Response, want string) {
	t.Helper()
	got := r.PathValue("what") + " " + describe(r.Seq, r.End && r.Body == nil, r.End, r.Status, r.Body)
	if got != want {
		t.Errorf("got the response %q, want %q", got, want)
	}
	if failed := r.Err() != nil; failed != strings.Contains(want, "409") {
		t.Errorf("response %q: Err is %v", want, r.Err())
	}
}

// TestKafkaRule34OnePartition checks that all responses of a run are in one
// partition, in order: by the key of the request, or by its ID.
func TestKafkaRule34OnePartition(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		w.topics.Partitions = 4
		w.serve(t, map[string]asynccalls.Handler{"/e": reply(nil, "0", "1", "2")})
		client := w.client(t)
		got := responses(client, "/e")
		listen(t, client)
		keys := make(map[string]string) // by request, of its responses
		for i := range 12 {
			key := []string{"", "k"}[i%2]
			req := send(ctx, t, client, "/e", key)
			if keys[req.ID] = key; key == "" {
				keys[req.ID] = req.ID
			}
		}
		seqs, partitions := make(map[string][]int), make(map[string][]int32)
		for range 3 * len(keys) {
			r := next(ctx, t, got)
			if want := strings.TrimPrefix(keys[r.RequestID], r.RequestID); r.Key != want {
				t.Errorf("key is %q, want %q", r.Key, want)
			}
			key := keys[r.RequestID]
			seqs[r.RequestID] = append(seqs[r.RequestID], r.Seq)
			partitions[key] = append(partitions[key], r.Source.Partition)
		}
		for id := range keys {
			if !slices.Equal(seqs[id], []int{0, 1, 2}) {
				t.Errorf("responses to %s came as %v", id, seqs[id])
			}
		}
		for key, all := range partitions {
			if len(slices.Compact(slices.Clone(all))) != 1 {
				t.Errorf("responses by %q are in partitions %v", key, all)
			}
		}
		for _, r := range w.all(t, "client.responses") {
			if _, ok := partitions[string(r.Key)]; !ok {
				t.Errorf("a response has the key %q, want that of its request, or its ID", r.Key)
			}
		}
	})
}

// TestKafkaRule34AtLeastOnce ends an instance while it handles a response: the next
// one gets the same again.
func TestKafkaRule34AtLeastOnce(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		w.serve(t, map[string]asynccalls.Handler{"/e": reply(nil, "a", "b")})
		l := w.connect(t)
		dying := newStubborn(t, "client", l, w.topics)
		t.Cleanup(func() { dying.Close() }) // fails
		first := make(chan *asynccalls.Response, 1)
		free := make(chan struct{})
		defer close(free)
		dying.HandleResponses("server", "/e", func(_ context.Context, r *asynccalls.Response) error {
			first <- r
			<-free
			return nil
		})
		listen(t, dying)
		req := send(ctx, t, dying, "/e", "k")
		before := next(ctx, t, first)
		l.Close()
		client := w.client(t)
		got := responses(client, "/e")
		listen(t, client)
		again := next(ctx, t, got)
		if diff := cmp.Diff(before, again, cmpopts.IgnoreUnexported(asynccalls.Response{})); diff != "" {
			t.Errorf("the response came again (-first +second):\n%s", diff)
		}
		if again.RequestID != req.ID || again.Seq != 0 || string(again.Body) != "a" {
			t.Errorf("the response is number %d to %s with %q, want number 0 to %s", again.Seq, again.RequestID, again.Body, req.ID)
		}
		if r := next(ctx, t, got); r.Run != again.Run || r.Seq != 1 {
			t.Errorf("the next one is number %d of run %q, want number 1 of run %q", r.Seq, r.Run, again.Run)
		}
	})
}

// TestKafkaRule34SendNeedsAHandler refuses requests whose responses nobody would
// handle, and writes nothing.
func TestKafkaRule34SendNeedsAHandler(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		w.serve(t, map[string]asynccalls.Handler{"/": reply(nil)})
		client := w.client(t)
		responses(client, "/orders/{id}")
		for _, where := range [][2]string{{"server", "/orders"}, {"server", "/orders/1/lines"}, {"elsewhere", "/orders/1"}} {
			req := asynccalls.NewRequest(where[0], where[1], nil)
			want := fmt.Sprintf("no handler of responses of %s matches %q: register one, or use Notify", where[0], where[1])
			if err := client.Send(ctx, req); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("sending to %s%s gave %v, want %q", where[0], where[1], err, want)
			}
		}
		if n := len(w.all(t, "server.requests")); n != 0 {
			t.Errorf("%d requests were written, want none", n)
		}
		send(ctx, t, client, "/orders/1", "")
	})
}

// TestKafkaRule37Unserved sends what the server has no handler for, or cannot
// decode. Who waits is told at once; the rest is in the dead letters, without an
// end, and is answered when it is replayed to a server that can handle it.
func TestKafkaRule37Unserved(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		old := w.new(t, "server", w)
		asynccalls.HandleJSON(old, "/json", func(_ context.Context, n int) (int, error) { return n, nil })
		listen(t, old)
		client := w.client(t)
		got := responses(client, "/", asynccalls.WithEnds())
		listen(t, client)
		var want, durable []string
		for endpoint, status := range map[string]int{"/new": 404, "/json": 400} {
			_, err := client.CallOne(ctx, asynccalls.NewRequest("server", endpoint, nil))
			if e, ok := errors.AsType[*asynccalls.Error](err); !ok || e.Status != status {
				t.Errorf("call of %s ended with %v, want status %d", endpoint, err, status)
			}
			oneWay := asynccalls.NewRequest("server", endpoint, nil)
			if err := client.Notify(ctx, oneWay); err != nil {
				t.Fatal(err)
			}
			durable = append(durable, send(ctx, t, client, endpoint, "").ID)
			want = append(want, oneWay.ID, durable[len(durable)-1])
		}
		w.await(ctx, t, "server.dead", 4)
		var letters []string
		o := deadletters.Options{Prefix: w.topics.Prefix}
		for l, err := range deadletters.Read(ctx, w, "server", o) {
			if err != nil {
				t.Fatal(err)
			}
			letters = append(letters, l.RequestID)
			if l.Attempts != 0 || l.Service != "server" || l.Source.Topic != w.topics.Prefix+"server.requests" {
				t.Errorf("dead letter is of %v after %d attempts, from %v", l.Service, l.Attempts, l.Source)
			}
		}
		if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(letters))); diff != "" {
			t.Fatalf("requests in the dead letters (-want +got):\n%s", diff)
		}
		if err := old.Close(); err != nil {
			t.Fatal(err)
		}
		handled := make(chan string, 100)
		w.serve(t, map[string]asynccalls.Handler{
			"/": func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
				handled <- r.ID
				return last("replayed")(ctx, w, r)
			},
		})
		for r, err := range deadletters.Replay(ctx, w, "server", o) {
			if err != nil || r.Err != nil || r.Skipped != "" {
				t.Fatalf("replay gave %+v and %v", r, err)
			}
		}
		for range want {
			if id := next(ctx, t, handled); !slices.Contains(want, id) {
				t.Errorf("handled %s, want one of %q", id, want)
			}
		}
		for range durable { // the first that there are
			if r := next(ctx, t, got); !slices.Contains(durable, r.RequestID) || string(r.Body) != "replayed" {
				t.Errorf("response to %s is %q, want that of a replayed request", r.RequestID, r.Body)
			}
		}
	})
}

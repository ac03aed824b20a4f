package asynccalls_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
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

// committing is a line that tells what was committed on it.
type committing struct {
	line
	positions chan driver.Position
}

func (l *committing) Join(ctx context.Context, group string, topics []string, to driver.Listener) (driver.Group, error) {
	g, err := l.line.Join(ctx, group, topics, to)
	return &committingGroup{g, l.positions}, err
}

type committingGroup struct {
	driver.Group
	positions chan driver.Position
}

func (g *committingGroup) Commit(ctx context.Context, all ...driver.Position) error {
	err := g.Group.Commit(ctx, all...)
	if err == nil {
		for _, p := range all {
			g.positions <- p
		}
	}
	return err
}

// TestKafkaRule34AtLeastOnce ends an instance while it handles a response, once the one
// before is committed: the next instance gets the same again.
func TestKafkaRule34AtLeastOnce(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		w.serve(t, map[string]asynccalls.Handler{"/e": reply(nil, "a", "b", "c")})
		l := &committing{w.connect(t), make(chan driver.Position, 100)}
		dying := newStubborn(t, "client", l, w.topics)
		t.Cleanup(func() { dying.Close() }) // fails
		handled := make(chan *asynccalls.Response, 10)
		free := make(chan struct{})
		defer close(free)
		dying.HandleResponses("server", "/e", func(_ context.Context, r *asynccalls.Response) error {
			handled <- r
			if r.Seq == 1 {
				<-free
			}
			return nil
		})
		listen(t, dying)
		req := send(ctx, t, dying, "/e", "k")
		done, before := next(ctx, t, handled), next(ctx, t, handled)
		if p := next(ctx, t, l.positions); p.Offset != done.Source.Offset+1 {
			t.Errorf("offset %d is committed while the response at %d is handled", p.Offset, before.Source.Offset)
		}
		l.Close()
		client := w.client(t)
		got := responses(client, "/e")
		listen(t, client)
		again := next(ctx, t, got)
		if diff := cmp.Diff(before, again, cmpopts.IgnoreUnexported(asynccalls.Response{})); diff != "" {
			t.Errorf("the response came again (-first +second):\n%s", diff)
		}
		if again.RequestID != req.ID || again.Seq != 1 || string(again.Body) != "b" {
			t.Errorf("the response is number %d to %s with %q, want number 1 to %s", again.Seq, again.RequestID, again.Body, req.ID)
		}
		if r := next(ctx, t, got); r.Run != again.Run || r.Seq != 2 {
			t.Errorf("the next one is number %d of run %q, want number 2 of run %q", r.Seq, r.Run, again.Run)
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

// TestKafkaRule34Patterns has handlers of responses with wildcards: the most specific
// one of the service that answers gets a response.
func TestKafkaRule34Patterns(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		client := w.client(t)
		got := make(chan string, 100)
		handle := func(service, pattern string) {
			client.HandleResponses(service, pattern, func(_ context.Context, r *asynccalls.Response) error {
				got <- fmt.Sprint(service, pattern, " ", r.PathValue("id"), r.PathValue("path"), " ", r.PathValue("nr"))
				return nil
			})
		}
		for _, pattern := range []string{"/orders/{id}", "/orders/new", "/orders/{id}/lines/{nr}", "/files/{path...}", "/{id}"} {
			handle("server", pattern)
		}
		handle("other", "/orders/{id}")
		for _, id := range []string{"server", "other"} {
			s := w.new(t, id, w)
			s.Handle("/", last("a"))
			listen(t, s)
		}
		listen(t, client)
		for request, want := range map[[2]string]string{
			{"server", "/orders/7"}:         "server/orders/{id} 7 ",
			{"server", "/orders/new"}:       "server/orders/new  ",
			{"server", "/orders/7/lines/2"}: "server/orders/{id}/lines/{nr} 7 2",
			{"server", "/files/a/b/c"}:      "server/files/{path...} a/b/c ",
			{"server", "/7"}:                "server/{id} 7 ",
			{"other", "/orders/7"}:          "other/orders/{id} 7 ",
		} {
			if err := client.Send(ctx, asynccalls.NewRequest(request[0], request[1], nil)); err != nil {
				t.Fatal(err)
			}
			if r := next(ctx, t, got); r != want {
				t.Errorf("the response of %s%s reached %q, want %q", request[0], request[1], r, want)
			}
		}
	})
}

// TestKafkaRule34Failures tries a handler of responses again, as that of a request,
// and writes a dead letter after the last attempt.
func TestKafkaRule34Failures(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		w.serve(t, map[string]asynccalls.Handler{"/e": reply(nil, "good", "bad", "after")})
		client := w.client(t)
		runs := make(chan string, 100)
		first := true
		client.HandleResponses("server", "/e", func(_ context.Context, r *asynccalls.Response) error {
			runs <- string(r.Body)
			if string(r.Body) == "bad" || first {
				first = false
				return errBroken
			}
			return nil
		}, asynccalls.Retry{Attempts: 3, Backoff: 10 * time.Millisecond})
		listen(t, client)
		req := send(ctx, t, client, "/e", "k")
		for _, want := range []string{"good", "good", "bad", "bad", "bad", "after"} {
			if got := next(ctx, t, runs); got != want {
				t.Errorf("the handler got %q, want %q", got, want)
			}
		}
		letter := w.await(ctx, t, "client.dead", 1)[0]
		if ac := string(letter.Headers[0].Value); string(letter.Value) != "bad" || !strings.Contains(ac, req.ID) {
			t.Errorf("the dead letter is %q with the header %q, want the response that failed", letter.Value, ac)
		}
	})
}

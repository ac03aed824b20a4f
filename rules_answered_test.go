package asynccalls_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/deadletters"
)

// ending is what a handler does, and how the call ends for that.
type ending struct {
	handler asynccalls.Handler
	bodies  []string
	want    error
}

// endings are the ends that a handler gives.
func endings() map[string]ending {
	plain := errors.New("password is hunter2")
	internal := &asynccalls.Error{Status: 500, Message: "internal error"}
	return map[string]ending{
		"completed":                   {reply(nil, "a", "b"), []string{"a", "b"}, nil},
		"completed by a marked one":   {last("a", "b"), []string{"a", "b"}, nil},
		"completed without a body":    {reply(nil, ""), []string{""}, nil},
		"no response":                 {reply(nil), nil, nil},
		"error":                       {reply(plain), nil, internal},
		"error after some responses":  {reply(plain, "a", "b"), []string{"a", "b"}, internal},
		"error that is none":          {reply(&asynccalls.Error{Status: 200, Message: "odd"}), nil, internal},
		"status":                      {reply(&asynccalls.Error{Status: 409, Message: "taken"}), nil, &asynccalls.Error{Status: 409, Message: "taken"}},
		"status after some responses": {reply(full(), "a"), []string{"a"}, &asynccalls.Error{Status: 503, Message: "full"}},
		"failed response": {func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
			gone := asynccalls.NewResponse([]byte("gone"))
			gone.Status = 410
			return errors.Join(reply(nil, "a")(ctx, w, r), w.Send(ctx, gone))
		}, []string{"a"}, &asynccalls.Error{Status: 410, Message: "gone"}},
		"panic": {func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
			panic("out of cheese") //nolint:forbidigo // what is tested
		}, nil, internal},
	}
}

func full() error { return fmt.Errorf("store: %w", &asynccalls.Error{Status: 503, Message: "full"}) }

func (e ending) try(ctx context.Context, t *testing.T, w *tier) {
	t.Helper()
	w.serve(t, map[string]asynccalls.Handler{"/e": e.handler})
	checkEnd(t, call(ctx, w.client(t), "/e"), e.bodies, e.want)
}

func endUnknownEndpoint(ctx context.Context, t *testing.T, w *tier) {
	w.serve(t, map[string]asynccalls.Handler{"/e": reply(nil, "a")})
	checkEnd(t, call(ctx, w.client(t), "/nowhere"), nil,
		&asynccalls.Error{Status: 404, Message: `unknown endpoint "/nowhere"`})
}

func endUndecodable(ctx context.Context, t *testing.T, w *tier) {
	s := w.new(t, "server", w)
	asynccalls.HandleJSON(s, "/json", func(_ context.Context, in int) (int, error) { return in, nil })
	listen(t, s)
	checkEnd(t, call(ctx, w.client(t), "/json"), nil, &asynccalls.Error{
		Status: 400, Message: "body is not valid: invalid character '?' looking for beginning of value",
	})
}

// endResponseTooLarge has a response that the broker refuses: an error is in its
// place.
func endResponseTooLarge(ctx context.Context, t *testing.T, w *tier) {
	w.serve(t, map[string]asynccalls.Handler{
		"/e": func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
			if err := reply(nil, "a")(ctx, w, r); err != nil {
				return err
			}
			return w.Send(ctx, asynccalls.NewResponse(make([]byte, 2<<20)))
		},
	})
	client := w.client(t)
	checkEnd(t, call(ctx, client, "/e"), []string{"a"}, &asynccalls.Error{
		Status: 500, Message: "response 1: record too large: the limit is 1048588 bytes",
	})
}

// endServerEnded ends the instance that has sent two responses of three, and starts
// another one. Here its line to the broker dies with it, and the process of the test
// lives on; internal/prove kills processes.
func endServerEnded(ctx context.Context, t *testing.T, w *tier) {
	l := w.connect(t)
	free := make(chan struct{})
	defer close(free)
	w.serveOn(t, l, "/e", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
		err := reply(nil, "a", "b")(ctx, w, r)
		<-free
		return err
	})
	var bodies []string
	for r, err := range call(ctx, w.client(t), "/e").Responses() {
		if err != nil {
			t.Fatal(err)
		}
		if bodies = append(bodies, string(r.Body)); len(bodies) == 2 {
			l.Close()
			w.serve(t, map[string]asynccalls.Handler{"/e": reply(nil, "a", "b", "c")})
		}
	}
	if got := fmt.Sprint(bodies); got != "[a b c]" {
		t.Errorf("responses are %s, want [a b c]", got)
	}
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

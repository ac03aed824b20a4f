package asynccalls_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/asynccalls/asynccalls"
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

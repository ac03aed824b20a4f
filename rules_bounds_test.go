package asynccalls_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// TestKafkaRule38SlowReader has a call whose responses nobody reads: it fails when
// more bytes wait than may, and those beside it go on.
func TestKafkaRule38SlowReader(t *testing.T) {
	t.Parallel()
	tests := map[string]asynccalls.Limits{
		"bytes of the call": {CallBytes: 10_000},
		"bytes of all":      {ReplyBytes: 10_000},
	}
	for name, limits := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rule(t, func(ctx context.Context, t *testing.T, w *tier) { slowReader(ctx, t, w, limits) })
		})
	}
}

func slowReader(ctx context.Context, t *testing.T, w *tier, limits asynccalls.Limits) {
	t.Helper()
	sent, proceed := make(chan struct{}), make(chan struct{})
	big := strings.Repeat("x", 3000)
	w.serve(t, map[string]asynccalls.Handler{
		"/big": func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
			defer close(sent)
			return reply(nil, big, big, big, big, big)(ctx, w, r)
		},
		"/long": func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
			if err := reply(nil, "a")(ctx, w, r); err != nil {
				return err
			}
			<-proceed
			return reply(nil, "b")(ctx, w, r)
		},
		"/short": reply(nil, "a"),
	})
	client := w.client(t, limits)
	var bodies []string
	for r, err := range call(ctx, client, "/long").Responses() {
		if err != nil {
			t.Fatalf("the call that is read ended with %v", err)
		}
		if bodies = append(bodies, string(r.Body)); len(bodies) == 1 {
			slow := call(ctx, client, "/big")
			next(ctx, t, sent)
			// In its partition the response to this one is behind those.
			checkEnd(t, call(ctx, client, "/short"), []string{"a"}, nil)
			checkEnd(t, slow, []string{big, big, big}, asynccalls.ErrSlowReader)
			close(proceed)
		}
	}
	if got := strings.Join(bodies, " "); got != "a b" {
		t.Errorf("the call that is read got %q, want all of it", got)
	}
}

// tapped is a line that tells what became of responses to awaited requests.
type tapped struct {
	line
	told chan error
}

func (l *tapped) Publish(ctx context.Context, r *driver.Record, done func(*driver.Record, error)) {
	awaited := strings.HasSuffix(r.Topic, ".replies")
	l.line.Publish(ctx, r, func(r *driver.Record, err error) {
		done(r, err)
		if awaited {
			l.told <- err
		}
	})
}

// TestKafkaRule310Queued sends a response that the broker refuses: that shows at
// the next one, and at the end, whatever the handler makes of it.
func TestKafkaRule310Queued(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		l := &tapped{w.connect(t), make(chan error, 100)}
		s := w.new(t, "server", l)
		failures := make(chan error, 2)
		s.Handle("/{notices}", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
			for _, body := range [][]byte{[]byte("a"), make([]byte, 2<<20)} {
				if err := w.Send(ctx, asynccalls.NewResponse(body)); err != nil {
					t.Errorf("send is %v, want queued", err)
				}
			}
			for <-l.told == nil { // until the second one has failed
			}
			err := w.Send(ctx, asynccalls.NewResponse([]byte("c")))
			failures <- err
			if r.PathValue("notices") == "yes" {
				return err
			}
			return nil
		})
		listen(t, s)
		client := w.client(t)
		for _, endpoint := range []string{"/yes", "/no"} {
			checkEnd(t, call(ctx, client, endpoint), []string{"a"}, &asynccalls.Error{
				Status: 500, Message: "response 1: record too large: the limit is 1048588 bytes",
			})
			err := next(ctx, t, failures)
			if _, ok := errors.AsType[*asynccalls.TooLargeError](err); !ok || !strings.Contains(err.Error(), "number 1") {
				t.Errorf("the next send is %v, want why number 1 failed", err)
			}
		}
	})
}

// TestKafkaRule39Refused has responses that cannot be stored: one that is too large,
// and those to a caller that has no topic. An error is in the place of the first, the
// durable requests are in the dead letters, and the key and its partition go on. A
// partition without a leader, which no tier can have, is in outlet_test.go.
func TestKafkaRule39Refused(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		w.serve(t, map[string]asynccalls.Handler{
			"/large": func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
				return errors.Join(reply(nil, "a")(ctx, w, r), w.Send(ctx, asynccalls.NewResponse(make([]byte, 2<<20))))
			},
			"/small": reply(nil, "b"),
		})
		client := w.client(t)
		got := responses(client, "/{what}", asynccalls.WithEnds())
		listen(t, client)
		for _, ac := range []string{"1 c awaited /small vanished 60000 3.X.0.1", "1 s durable /small vanished"} {
			publish(t, w, driver.Record{
				Topic: w.topics.Prefix + "server.requests", Key: []byte("k"),
				Headers: []driver.Header{{Key: wire.Header, Value: []byte(ac)}},
			})
		}
		large := send(ctx, t, client, "/large", "k")
		send(ctx, t, client, "/small", "k")
		missing := map[string]bool{
			"large 0 200 a": true, "large 1 end 500 response 1: record too large: the limit is 1048588 bytes": true,
			"small 0 200 b": true, "small 1 bare": true,
		}
		for len(missing) > 0 {
			r := next(ctx, t, got)
			is := r.PathValue("what") + " " + describe(r.Seq, r.End && r.Body == nil, r.End, r.Status, r.Body)
			if !missing[is] && is != "large 2 bare" { // that is on its way before number 1 is refused
				t.Errorf("got the response %q, want one of %v", is, missing)
			}
			delete(missing, is)
		}
		var letters []string
		for _, r := range w.await(ctx, t, "server.dead", 2) {
			letters = append(letters, strings.Fields(string(r.Headers[0].Value))[2])
		}
		slices.Sort(letters)
		if want := []string{"durable", large.ID}; !slices.Equal(letters, slices.Sorted(slices.Values(want))) {
			t.Errorf("requests in the dead letters are %q, want %q", letters, want)
		}
	})
}

package asynccalls_test

import (
	"context"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
)

// endTopicDeleted deletes the topic that the client waits at; the next call has a
// new one.
func endTopicDeleted(ctx context.Context, t *testing.T, w *tier) {
	h, started, free := hanging()
	defer free()
	w.serve(t, map[string]asynccalls.Handler{"/hanging": h, "/e": reply(nil, "a")})
	client := w.client(t)
	c := call(ctx, client, "/hanging")
	next(ctx, t, started)
	if err := w.remove(w.topics.Prefix + "client.replies"); err != nil {
		t.Fatal(err)
	}
	checkEnd(t, c, nil, asynccalls.ErrReplyLost)
	checkEnd(t, call(ctx, client, "/e"), []string{"a"}, nil)
}

// endResponsesDeleted deletes responses that the client has not read.
func endResponsesDeleted(ctx context.Context, t *testing.T, w *tier) {
	proceed := make(chan struct{})
	started := make(chan struct{}, 1)
	w.serve(t, map[string]asynccalls.Handler{
		"/late": func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
			started <- struct{}{}
			<-proceed
			return reply(nil, "a")(ctx, w, r)
		},
		"/e": reply(nil, "a"),
	})
	l := w.connect(t)
	client := w.new(t, "client", l)
	c := call(ctx, client, "/late")
	next(ctx, t, started)
	l.cut()
	close(proceed)
	w.await(ctx, t, "client.replies", 2)
	if err := w.truncate(w.topics.Prefix + "client.replies"); err != nil {
		t.Fatal(err)
	}
	l.mend()
	checkEnd(t, c, nil, asynccalls.ErrReplyLost)
	checkEnd(t, call(ctx, client, "/e"), []string{"a"}, nil)
}

// endBrokerAway calls before and after the broker is away: each call ends at its
// deadline.
func endBrokerAway(ctx context.Context, t *testing.T, w *tier) {
	h, started, free := hanging()
	defer free()
	w.serve(t, map[string]asynccalls.Handler{"/hanging": h, "/e": reply(nil, "a")})
	l := w.connect(t)
	client := w.new(t, "client", l)
	checkEnd(t, call(ctx, client, "/e"), []string{"a"}, nil)
	brief, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	before := call(brief, client, "/hanging")
	next(ctx, t, started)
	l.cut()
	after := call(brief, client, "/e")
	fresh := call(brief, w.new(t, "client", l), "/e")
	for _, c := range []*asynccalls.Call{before, after, fresh} {
		checkEnd(t, c, nil, context.DeadlineExceeded)
	}
	l.mend()
	checkEnd(t, call(ctx, client, "/e"), []string{"a"}, nil)
}

func endDriverClosed(ctx context.Context, t *testing.T, w *tier) {
	h, started, free := hanging()
	defer free()
	w.serve(t, map[string]asynccalls.Handler{"/e": h})
	l := w.connect(t)
	client := w.new(t, "client", l)
	c := call(ctx, client, "/e")
	next(ctx, t, started)
	if err := l.Flush(ctx); err != nil { // the request may be handled before the client knows that it is there
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	checkEnd(t, c, nil, asynccalls.ErrReplyLost)
}

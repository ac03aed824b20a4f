package asynccalls_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// answer is what an endpoint does, and what is in the topic of the caller then:
// number, mark, status and body of each record.
type answer struct {
	handler asynccalls.Handler
	records []string
}

func answers() map[string]answer {
	plain := errors.New("password is hunter2")
	return map[string]answer{
		"none":             {reply(nil), []string{"0 bare"}},
		"one":              {reply(nil, "a"), []string{"0 200 a", "1 bare"}},
		"unary":            {last("a"), []string{"0 end 200 a"}},
		"marked":           {last("a", "b", "c"), []string{"0 200 a", "1 200 b", "2 end 200 c"}},
		"many":             {reply(nil, "a", "b", "c"), []string{"0 200 a", "1 200 b", "2 200 c", "3 bare"}},
		"error":            {reply(&asynccalls.Error{Status: 409, Message: "taken"}), []string{"0 end 409 taken"}},
		"error after some": {reply(plain, "a", "b"), []string{"0 200 a", "1 200 b", "2 end 500 internal error"}},
		"failed response": {func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
			gone := asynccalls.NewResponse([]byte("gone"))
			gone.Status = 410
			return errors.Join(reply(nil, "a")(ctx, w, r), w.Send(ctx, gone))
		}, []string{"0 200 a", "1 end 410 gone"}},
	}
}

// TestKafkaRule31Numbering looks at the records of each kind of answer, to awaited
// and to durable requests, and at what their callers get of them.
func TestKafkaRule31Numbering(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		s := w.new(t, "server", w, asynccalls.Retry{Attempts: 1})
		asynccalls.HandleJSON(s, "/json", func(_ context.Context, n int) (int, error) { return n + 1, nil })
		tests := answers()
		for name, tt := range tests {
			s.Handle("/"+name, tt.handler)
		}
		tests["json"] = answer{nil, []string{"0 end 200 42"}}
		listen(t, s)
		client := w.client(t)
		got := make(chan *asynccalls.Response, 100)
		client.HandleResponses("server", "/", func(_ context.Context, r *asynccalls.Response) error {
			got <- r
			return nil
		}, asynccalls.WithEnds())
		listen(t, client)
		awaited, durable := make(map[string][]string), make(map[string][]string)
		names := make(map[string]string)
		for name, tt := range tests {
			a, d := asynccalls.NewRequest("server", "/"+name, []byte("41")), asynccalls.NewRequest("server", "/"+name, []byte("41"))
			names[a.ID], names[d.ID] = name, name
			awaited[name] = drain(client.Call(ctx, a))
			if err := client.Send(ctx, d); err != nil {
				t.Fatal(err)
			}
			for range tt.records {
				r := next(ctx, t, got)
				durable[names[r.RequestID]] = append(durable[names[r.RequestID]], describe(r.Seq, r.End && r.Body == nil, r.End, r.Status, r.Body))
			}
		}
		for topic, seen := range map[string]map[string][]string{"client.replies": awaited, "client.responses": durable} {
			written := make(map[string][]string)
			for _, r := range w.all(t, topic) {
				a, err := wire.DecodeResponse(r.Headers[0].Value)
				if err != nil {
					t.Fatal(err)
				}
				name := names[a.RequestID]
				written[name] = append(written[name], describe(int(a.Seq), a.Bare, a.End, a.Status, r.Value))
			}
			for name, tt := range tests {
				if diff := cmp.Diff(tt.records, written[name]); diff != "" {
					t.Errorf("%s: records of %q (-want +got):\n%s", topic, name, diff)
				}
				if diff := cmp.Diff(tt.records, seen[name]); diff != "" {
					t.Errorf("%s: the caller of %q got (-want +got):\n%s", topic, name, diff)
				}
			}
		}
	})
}

func describe(seq int, bare, end bool, status int, body []byte) string {
	switch {
	case bare:
		return fmt.Sprintf("%d bare", seq)
	case end:
		return fmt.Sprintf("%d end %d %s", seq, status, body)
	default:
		return fmt.Sprintf("%d %d %s", seq, status, body)
	}
}

// drain reads a call, and describes what it delivers and how it ends as records.
func drain(c *asynccalls.Call) []string {
	var got []string
	ended := false
	for r, err := range c.Responses() {
		var e *asynccalls.Error
		switch {
		case errors.As(err, &e):
			got, ended = append(got, fmt.Sprintf("%d end %d %s", len(got), e.Status, e.Message)), true
		case err != nil:
			return append(got, err.Error())
		default:
			got, ended = append(got, describe(r.Seq, false, r.End, r.Status, r.Body)), r.End
		}
	}
	if !ended {
		got = append(got, fmt.Sprintf("%d bare", len(got)))
	}
	return got
}

// twice is a request that is handled twice: the first run stalls after some
// responses, the other one is complete, and then the first one goes on.
type twice struct {
	first, other, rest []string
	want               []string
	err                error
}

func runs() map[string]twice {
	abc := []string{"a", "b", "c"}
	return map[string]twice{
		"equal":           {abc[:2], abc, abc[2:], abc, nil},
		"different":       {abc[:2], []string{"a", "x", "c"}, abc[2:], abc[:2], asynccalls.ErrRestarted},
		"fewer":           {abc[:2], abc[:1], abc[2:], abc[:2], asynccalls.ErrRestarted},
		"other is first":  {nil, abc, []string{"x"}, abc, nil},
		"rest is another": {abc[:2], abc, []string{"x", "y"}, abc, nil},
	}
}

// TestKafkaRule32Runs hands a request to its service a second time while the first
// run stalls: by a copy of its record, and by the death of the instance.
func TestKafkaRule32Runs(t *testing.T) {
	t.Parallel()
	tests := runs()
	for name, tt := range tests {
		t.Run("copied "+name, func(t *testing.T) {
			t.Parallel()
			rule(t, tt.copied)
		})
	}
	for _, name := range []string{"equal", "different"} {
		t.Run("redelivered "+name, func(t *testing.T) {
			t.Parallel()
			tt := tests[name]
			rule(t, tt.redelivered)
		})
	}
}

// stalling returns the handler of the first run. It goes on when proceed is
// closed, and closes over behind its last response.
func (tt *twice) stalling(started chan<- struct{}, proceed <-chan struct{}, over chan<- struct{}) asynccalls.Handler {
	return func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
		defer close(over)
		if err := reply(nil, tt.first...)(ctx, w, r); err != nil {
			return err
		}
		close(started)
		<-proceed
		return reply(nil, tt.rest...)(ctx, w, r)
	}
}

func (tt *twice) copied(ctx context.Context, t *testing.T, w *tier) {
	started, proceed, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var run atomic.Int32
	first := tt.stalling(started, proceed, over)
	w.serve(t, map[string]asynccalls.Handler{
		"/e": func(ctx context.Context, rw asynccalls.ResponseWriter, r *asynccalls.Request) error {
			if run.Add(1) == 1 {
				return first(ctx, rw, r)
			}
			return reply(nil, tt.other...)(ctx, rw, r)
		},
		"/after": reply(nil, "after"),
	})
	client := w.client(t)
	tt.check(ctx, t, client, started, func() { w.again(t, w.all(t, "server.requests")...) })
	close(proceed)
	<-over
	checkEnd(t, client.Call(ctx, asynccalls.NewRequest("server", "/after", nil)), []string{"after"}, nil)
}

func (tt *twice) redelivered(ctx context.Context, t *testing.T, w *tier) {
	started, proceed, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
	l := w.connect(t)
	w.serveOn(t, l, "/e", tt.stalling(started, proceed, over))
	defer close(proceed)
	tt.check(ctx, t, w.client(t), started, func() {
		l.Close()
		w.serve(t, map[string]asynccalls.Handler{"/e": reply(nil, tt.other...)})
	})
}

// check makes the call, and has its request handled again once it has delivered
// the responses of the first run.
func (tt *twice) check(ctx context.Context, t *testing.T, client *asynccalls.Service, started <-chan struct{}, again func()) {
	t.Helper()
	call := client.Call(ctx, asynccalls.NewRequest("server", "/e", nil))
	next(ctx, t, started)
	if len(tt.first) == 0 {
		again()
	}
	var got []string
	var end error
	for r, err := range call.Responses() {
		if err != nil {
			end = err
			continue
		}
		if got = append(got, string(r.Body)); len(got) == len(tt.first) {
			again()
		}
	}
	if diff := cmp.Diff(tt.want, got); diff != "" || !errors.Is(end, tt.err) {
		t.Errorf("ended with %v, want %v; responses (-want +got):\n%s", end, tt.err, diff)
	}
}

// TestKafkaRule32Duplicates repeats each response: before the next one, after the
// end, and while another call has the place of the first.
func TestKafkaRule32Duplicates(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		proceed := make(chan struct{})
		w.serve(t, map[string]asynccalls.Handler{
			"/e": func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
				for _, body := range []string{"a", "b"} {
					if err := reply(nil, body+string(r.Body))(ctx, w, r); err != nil {
						return err
					}
					<-proceed
				}
				return nil
			},
		})
		client := w.client(t)
		for _, nr := range []string{"1", "2", "3"} {
			var got []string
			for r, err := range client.Call(ctx, asynccalls.NewRequest("server", "/e", []byte(nr))).Responses() {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, string(r.Body))
				before := w.all(t, "client.replies")
				w.again(t, before...)
				proceed <- struct{}{}
			}
			if diff := cmp.Diff([]string{"a" + nr, "b" + nr}, got); diff != "" {
				t.Errorf("responses (-want +got):\n%s", diff)
			}
		}
	})
}

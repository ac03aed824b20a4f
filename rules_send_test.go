package asynccalls_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/internal/chance"
)

// TestKafkaRule41Acknowledged finds what was sent in its topic as soon as Send or
// Notify is nil; that all in-sync replicas have it is left to the tests of the driver,
// as a tier has one node. While the broker does not answer, the outcome is unknown, and the
// request is written once when it is back.
func TestKafkaRule41Acknowledged(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		w.serve(t, map[string]asynccalls.Handler{"/e": reply(nil)})
		l := w.connect(t)
		client := w.new(t, "client", l)
		responses(client, "/e")
		written := 0
		modes := map[string]func(context.Context, ...*asynccalls.Request) error{"send": client.Send, "notify": client.Notify}
		check := func() {
			t.Helper()
			if n := len(w.all(t, "server.requests")); n != written {
				t.Errorf("%d requests are in the topic, want %d", n, written)
			}
		}
		for mode, send := range modes {
			if err := send(ctx, asynccalls.NewRequest("server", "/e", nil), asynccalls.NewRequest("server", "/e", nil)); err != nil {
				t.Fatal(err)
			}
			written += 2
			check()
			over, cancel := context.WithCancel(ctx)
			cancel()
			err := send(over, asynccalls.NewRequest("server", "/e", nil))
			if !errors.Is(err, context.Canceled) || errors.Is(err, asynccalls.ErrUnknownOutcome) {
				t.Errorf("%s with a context that has ended gave %v, want a known outcome", mode, err)
			}
			l.cut()
			brief, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
			defer cancel()
			req := asynccalls.NewRequest("server", "/e", nil)
			err = send(brief, req)
			if !errors.Is(err, asynccalls.ErrUnknownOutcome) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s gave %v, want ErrUnknownOutcome and the deadline", mode, err)
			}
			if one, ok := errors.AsType[*asynccalls.SendError](err); !ok || one.Request != req {
				t.Errorf("%s: the error %v does not say which request it is about", mode, err)
			}
			checkSentBefore(t, send(ctx, req))
			l.mend()
			written += 2
			if err := send(ctx, asynccalls.NewRequest("server", "/e", nil)); err != nil {
				t.Fatal(err)
			}
			check()
		}
	})
}

func checkSentBefore(t *testing.T, err error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), "the request was sent before") {
		t.Errorf("sending a request again gave %v, want an error that says so", err)
	}
}

// TestKafkaRule42SentOnce sends requests again, in all ways: they are refused, and
// nothing is written.
func TestKafkaRule42SentOnce(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		w.serve(t, map[string]asynccalls.Handler{"/e": reply(nil, "a")})
		client := w.client(t)
		responses(client, "/e")
		ways := []func(*asynccalls.Request) error{
			func(r *asynccalls.Request) error { return client.Send(ctx, r) },
			func(r *asynccalls.Request) error { return client.Notify(ctx, r) },
			func(r *asynccalls.Request) error { return second(collect(client.Call(ctx, r))) },
			func(r *asynccalls.Request) error { return second(client.CallOne(ctx, r)) },
		}
		for _, first := range ways {
			req := asynccalls.NewRequest("server", "/e", nil)
			if err := first(req); err != nil {
				t.Fatal(err)
			}
			for _, again := range ways {
				checkSentBefore(t, again(req))
			}
		}
		req := asynccalls.NewRequest("server", "/e", nil)
		checkSentBefore(t, client.Notify(ctx, req, req))
		if n := len(w.all(t, "server.requests")); n != len(ways)+1 {
			t.Errorf("%d requests were written, want %d", n, len(ways)+1)
		}
	})
}

// TestKafkaRule42IDs makes requests in many goroutines at once, and IDs as other
// processes do: no two are the same. It needs no broker.
func TestKafkaRule42IDs(t *testing.T) {
	t.Parallel()
	begin := make(chan struct{})
	made := make([][]string, 16)
	var wg sync.WaitGroup
	for i := range made {
		newID := func() string { return asynccalls.NewRequest("server", "/e", nil).ID }
		if i%2 == 1 {
			ids := chance.NewIDs("", 12) // as in another process
			newID = func() string { return string(ids.Append(nil)) }
		}
		wg.Go(func() {
			<-begin
			for range 10_000 {
				made[i] = append(made[i], newID())
			}
		})
	}
	close(begin)
	wg.Wait()
	ids, all := make(map[string]bool), 0
	for _, own := range made {
		all += len(own)
		for _, id := range own {
			ids[id] = true
		}
	}
	if len(ids) != all {
		t.Errorf("%d requests have %d different IDs", all, len(ids))
	}
}

// TestKafkaRule43TooLarge sends a request that is too large between others.
func TestKafkaRule43TooLarge(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		w.serve(t, map[string]asynccalls.Handler{"/e": reply(nil, "a")})
		client := w.client(t)
		responses(client, "/e")
		check := func(err error) {
			t.Helper()
			if large, ok := errors.AsType[*asynccalls.TooLargeError](err); !ok || large.Limit != 1_048_588 {
				t.Errorf("got %v, want a TooLargeError with the limit of the topic", err)
			}
		}
		var want []string
		for mode, send := range map[string]func(context.Context, ...*asynccalls.Request) error{
			"send": client.Send, "notify": client.Notify,
		} {
			var batch []*asynccalls.Request
			for _, body := range []string{"1", "2", strings.Repeat("3", 2<<20), "4", "5"} {
				batch = append(batch, asynccalls.NewRequest("server", "/e", []byte(body)))
				if len(body) == 1 {
					want = append(want, batch[len(batch)-1].ID+" "+body)
				}
			}
			err := send(ctx, batch...)
			check(err)
			if one, ok := errors.AsType[*asynccalls.SendError](err); !ok || one.Request != batch[2] {
				t.Errorf("%s: the first failure is %v, want that of the large request", mode, err)
			}
			if joined, ok := err.(interface{ Unwrap() []error }); !ok || len(joined.Unwrap()) != 1 {
				t.Errorf("%s: got %v, want one failure", mode, err)
			}
		}
		large := asynccalls.NewRequest("server", "/e", make([]byte, 2<<20))
		check(second(client.CallOne(ctx, large)))
		large.Body = []byte("small") // it was not sent: it may be
		want = append(want, large.ID+" small")
		checkEnd(t, client.Call(ctx, large), []string{"a"}, nil)
		var got []string
		for _, r := range w.all(t, "server.requests") {
			got = append(got, strings.Fields(string(r.Headers[0].Value))[2]+" "+string(r.Value))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("requests written (-want +got):\n%s", diff)
		}
	})
}

// TestKafkaRule42Retries has a handler fail twice and then succeed, and another one
// always: the request keeps its ID, in each attempt and as a dead letter, and each
// attempt is a run of its own.
func TestKafkaRule42Retries(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		attempts := make(chan string, 10)
		w.serve(t, map[string]asynccalls.Handler{
			"/{succeeds}": func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
				attempts <- fmt.Sprint(r.ID, " ", r.Attempt)
				if err := reply(nil, "a")(ctx, w, r); err != nil || r.Attempt < 3 || r.PathValue("succeeds") == "never" {
					return errors.Join(err, errBroken)
				}
				return nil
			},
		}, asynccalls.Retry{Attempts: 3, Backoff: 10 * time.Millisecond})
		client := w.client(t)
		got := responses(client, "/{succeeds}")
		listen(t, client)
		for _, endpoint := range []string{"/later", "/never"} {
			req := send(ctx, t, client, endpoint, "k")
			runs := make(map[string]bool)
			for i := range 3 {
				if want := fmt.Sprint(req.ID, " ", i+1); next(ctx, t, attempts) != want {
					t.Errorf("%s: the attempt is not %q", endpoint, want)
				}
				r := next(ctx, t, got)
				if r.RequestID != req.ID || r.Seq != 0 || runs[r.Run] {
					t.Errorf("%s: got number %d of run %q to %s, want the first of a new run", endpoint, r.Seq, r.Run, r.RequestID)
				}
				runs[r.Run] = true
			}
			if endpoint == "/never" {
				checkStatus(t, next(ctx, t, got).Err(), 500, "internal error")
				letter := w.await(ctx, t, "server.dead", 1)[0]
				if ac := string(letter.Headers[0].Value); !strings.Contains(ac, req.ID) {
					t.Errorf("the dead letter has the header %q, want the ID %q in it", ac, req.ID)
				}
			}
		}
	})
}

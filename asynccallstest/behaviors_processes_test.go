package asynccallstest_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
)

// orders are about what is handled before what.
var orders = map[string]behavior{
	"requests of a key in their order": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		serving(b, "server", func(s *asynccalls.Service) {
			s.Handle("/e", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
				l.add("%s", r.Body)
				return nil
			})
		})
		for i := range 5 {
			if err := b.Client().Notify(t.Context(), request("server", "/e", "k", fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
		b.Wait()
	}, "0\n1\n2\n3\n4"},
	"a key that fails holds up no other": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		other := make(chan struct{})
		serving(b, "server", func(s *asynccalls.Service) {
			s.Handle("/e", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
				switch {
				case r.Key == "good":
					close(other)
				case string(r.Body) == "first" && r.Attempt < 3:
					<-other
					return errBroken
				}
				l.add("%s %s", r.Key, r.Body)
				return nil
			})
		})
		for _, r := range []*asynccalls.Request{
			request("server", "/e", "bad", "first"), request("server", "/e", "bad", "second"), request("server", "/e", "good", "third"),
		} {
			if err := b.Client().Notify(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		b.Wait()
	}, `
good third
bad first
bad second`},
	"responses in their order": {func(_ testing.TB, b *asynccallstest.Broker, l *log) {
		var steps []any
		for i := range 50 {
			steps = append(steps, fmt.Sprint(i))
		}
		s := b.Fake("server", func(s *asynccalls.Service) { s.Handle("/e", asynccallstest.Script(steps...)) })
		got := s.Call(request("server", "/e", "", ""))
		inOrder := true
		for i, r := range got.Responses {
			inOrder = inOrder && r.Seq == i && string(r.Body) == fmt.Sprint(i)
		}
		l.add("%d %v", len(got.Responses), inOrder)
	}, `50 true`},
	"each at once": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		next := make(chan struct{})
		b.Fake("server", func(s *asynccalls.Service) {
			s.Handle("/e", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
				for i := range 3 {
					if err := w.Send(ctx, asynccalls.NewResponse([]byte(fmt.Sprint(i)))); err != nil {
						return err
					}
					<-next // the caller has it
				}
				return nil
			})
		})
		for resp, err := range b.Client().Call(t.Context(), request("server", "/e", "", "")).Responses() {
			l.add("%s %s", resp.Body, brief(err))
			next <- struct{}{}
		}
	}, `
0 ok
1 ok
2 ok`},
	"two processes of a service": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		var handled sync.Map
		for range 2 {
			serving(b, "server", func(s *asynccalls.Service) {
				s.Handle("/e", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
					n, _ := handled.LoadOrStore(string(r.Body), new(atomic.Int32))
					n.(*atomic.Int32).Add(1)
					return nil
				})
			})
		}
		for i := range 20 {
			if err := b.Client().Notify(t.Context(), request("server", "/e", fmt.Sprint("key ", i), fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
		b.Wait()
		requests, runs := 0, 0
		handled.Range(func(_, n any) bool {
			requests++
			runs += int(n.(*atomic.Int32).Load())
			return true
		})
		l.add("%d requests, %d runs", requests, runs)
	}, `20 requests, 20 runs`},
}

// processes are about what outlives them.
var processes = map[string]behavior{
	"a crash while a request is handled": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		begun, crashed := make(chan struct{}, 2), make(chan struct{})
		s := serving(b, "server", func(s *asynccalls.Service) {
			s.Handle("/e", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
				begun <- struct{}{}
				<-crashed
				return w.Send(ctx, asynccalls.NewResponse([]byte("done")))
			})
		})
		c := b.Client().Call(t.Context(), request("server", "/e", "k", ""))
		<-begun
		go s.Crash()
		<-begun
		close(crashed)
		l.add("%s", read(c))
		b.Wait()
	}, `0:done .`},
	"a crash between two responses": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		l.add("%s", crashBetween(t, b, func(int32) string { return "two" }))
	}, `0:one 1:two .`},
	"a crash, and another answer afterwards": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		l.add("%s", crashBetween(t, b, func(run int32) string { return fmt.Sprint("two of run ", run) }))
	}, `0:one 1:two of run 2 .`},
	"a crash, and another beginning afterwards": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		var runs atomic.Int32
		hold := make(chan struct{})
		s := serving(b, "server", func(s *asynccalls.Service) {
			s.Handle("/e", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
				run := runs.Add(1)
				if err := w.Send(ctx, asynccalls.NewResponse(fmt.Append(nil, "run ", run))); err != nil {
					return err
				}
				if run == 1 {
					<-hold
				}
				return nil
			})
		})
		var parts []string
		for resp, err := range b.Client().Call(t.Context(), request("server", "/e", "k", "")).Responses() {
			if err != nil {
				parts = append(parts, brief(err))
				break
			}
			parts = append(parts, string(resp.Body))
			if len(parts) == 1 {
				s.Crash()
			}
		}
		close(hold)
		b.Wait()
		l.add("%s", strings.Join(parts, ", "))
	}, `run 1, the call was restarted with different responses`},
	"a restart": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		var mu sync.Mutex
		var handled []string
		s := serving(b, "server", func(s *asynccalls.Service) {
			s.Handle("/e", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
				mu.Lock()
				defer mu.Unlock()
				handled = append(handled, string(r.Body))
				return nil
			})
		})
		for i := range 3 {
			l.add("%s", outcome(s.Notify(request("server", "/e", "k", fmt.Sprint(i)))))
			s.Restart()
		}
		b.Wait()
		l.add("%v", handled)
	}, `
[], ok, Done after 1
[], ok, Done after 1
[], ok, Done after 1
[0 1 2]`},
	"a restart while a request is handled": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		var runs atomic.Int32
		begun, restarting := make(chan struct{}, 2), make(chan struct{})
		s := serving(b, "server", func(s *asynccalls.Service) {
			s.Handle("/e", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
				runs.Add(1)
				begun <- struct{}{}
				<-restarting
				return asynccallstest.Script(100*time.Millisecond, "done")(ctx, w, nil)
			})
		})
		c := b.Client().Call(t.Context(), request("server", "/e", "k", ""))
		<-begun
		close(restarting)
		s.Restart()
		l.add("%s %d", read(c), runs.Load())
	}, `0:done . 1`},
	"requests wait for a service that is away": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		s := serving(b, "server", func(s *asynccalls.Service) { s.Handle("/e", asynccallstest.Script("here again")) })
		if err := s.Service().Close(); err != nil {
			t.Fatal(err)
		}
		c := b.Client().Call(t.Context(), request("server", "/e", "", ""))
		s.Restart()
		l.add("%s", read(c))
	}, `0:here again .`},
	"durable responses reach the next process": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		answer := make(chan struct{})
		b.Fake("server", func(s *asynccalls.Service) {
			s.Handle("/e", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
				<-answer
				return w.Send(ctx, asynccalls.NewResponse([]byte("for whoever is there")))
			})
		})
		client := responding(b, l)
		if err := client.Service().Send(t.Context(), request("server", "/e", "", "")); err != nil {
			t.Fatal(err)
		}
		client.Crash()
		close(answer)
		b.Wait()
	}, `/e 0 "for whoever is there" end=false ok`},
	"what was sent is known": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		back := b.Fake("back", func(s *asynccalls.Service) { s.Handle("/e", asynccallstest.Script("x")) })
		front := forwarding(b, "front", "back", "/e")
		got := front.Call(request("front", "/e", "", "hello"))
		b.Wait()
		to := func(all []*asynccalls.Request) (to []string) {
			for _, r := range all {
				to = append(to, r.Service+" "+string(r.Body))
			}
			slices.Sort(to)
			return to
		}
		l.add("result %q, front %q, back %q, all %q", to(got.Sent), to(front.Sent()), to(back.Received()), to(b.Sent()))
	}, `result ["back hello"], front ["back hello"], back ["back hello"], all ["back hello" "front hello"]`},
}

// crashBetween has a process crash between two responses, and returns what the caller got.
func crashBetween(t testing.TB, b *asynccallstest.Broker, second func(run int32) string) string {
	var runs atomic.Int32
	hold := make(chan struct{})
	s := serving(b, "server", func(s *asynccalls.Service) {
		s.Handle("/e", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
			run := runs.Add(1)
			if err := w.Send(ctx, asynccalls.NewResponse([]byte("one"))); err != nil {
				return err
			}
			if run == 1 {
				<-hold
			}
			return w.Send(ctx, asynccalls.NewResponse([]byte(second(run))))
		})
	})
	var parts []string
	for resp, err := range b.Client().Call(t.Context(), request("server", "/e", "k", "")).Responses() {
		if err != nil {
			parts = append(parts, brief(err))
			break
		}
		parts = append(parts, fmt.Sprintf("%d:%s", resp.Seq, resp.Body))
		if len(parts) == 1 {
			s.Crash()
		}
	}
	close(hold)
	b.Wait()
	return strings.Join(append(parts, "."), " ")
}

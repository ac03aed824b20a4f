package asynccallstest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/driver"
)

// sum is what the typed handlers add up.
type sum struct{ A, B int }

// messages are about what requests and responses hold.
var messages = map[string]behavior{
	"all fields of a request": {func(_ testing.TB, b *asynccallstest.Broker, l *log) {
		s := serving(b, "server", func(s *asynccalls.Service) {
			s.Handle("/orders/{id}/{rest...}", func(ctx context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
				l.add("%s %s id=%s rest=%s key=%s from=%s attempt=%d", r.Service, r.Endpoint, r.PathValue("id"), r.PathValue("rest"),
					r.Key, r.From, r.Attempt)
				l.add("header %v body %s", r.Header, r.Body)
				l.add("the context has it: %v", asynccalls.RequestFrom(ctx) == r)
				l.add("it was somewhere: %v", strings.HasSuffix(r.Source.Topic, "server.requests"))
				return nil
			})
		})
		r := request("server", "/orders/7/a/b", "k", "body")
		r.Header.Add("x", "1")
		r.Header.Add("X", "2")
		r.Header.Add("x", "3")
		l.add("%s", outcome(s.Call(r)))
	}, `
server /orders/7/a/b id=7 rest=a/b key=k from=test attempt=1
header [{x 1} {X 2} {x 3}] body body
the context has it: true
it was somewhere: true
[], ok, Done after 1`},
	"all fields of a response": {func(_ testing.TB, b *asynccallstest.Broker, l *log) {
		s := b.Fake("server", func(s *asynccalls.Service) {
			header := asynccalls.Header{{Key: "a", Value: "1"}, {Key: "a", Value: "2"}}
			s.Handle("/e", asynccallstest.Script(&asynccalls.Response{Status: 201, Header: header, Body: []byte("made")}))
		})
		r := request("server", "/e", "k", "")
		for _, resp := range s.Call(r).Responses {
			l.add("%s%s key=%s seq=%d status=%d end=%v header=%v body=%s for it: %v", resp.Service, resp.Endpoint, resp.Key, resp.Seq,
				resp.Status, resp.End, resp.Header, resp.Body, resp.RequestID == r.ID && strings.HasPrefix(resp.ID, r.ID))
		}
	}, `server/e key=k seq=0 status=201 end=false header=[{a 1} {a 2}] body=made for it: true`},
	"null and empty bodies": {func(_ testing.TB, b *asynccallstest.Broker, l *log) {
		s := b.Fake("server", func(s *asynccalls.Service) {
			s.Handle("/e", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
				l.add("null %v, %d bytes", r.Body == nil, len(r.Body))
				return w.Send(ctx, asynccalls.NewResponse(r.Body))
			})
		})
		for _, body := range [][]byte{nil, {}, {0}} {
			got := s.Call(asynccalls.NewRequest("server", "/e", body))
			l.add("back: null %v, %d bytes", got.Responses[0].Body == nil, len(got.Responses[0].Body))
		}
	}, `
null true, 0 bytes
back: null true, 0 bytes
null false, 0 bytes
back: null false, 0 bytes
null false, 1 bytes
back: null false, 1 bytes`},
	"sent twice": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		b.Fake("server", func(s *asynccalls.Service) { s.Handle("/e", asynccallstest.Script()) })
		r := request("server", "/e", "", "")
		l.add("%s", brief(b.Client().Notify(t.Context(), r)))
		err := b.Client().Notify(t.Context(), r)
		var failed *asynccalls.SendError
		l.add("%v %v", errors.As(err, &failed) && failed.Request == r, strings.Contains(fmt.Sprint(err), "sent before"))
		b.Wait()
		l.add("sent %d", len(b.Sent()))
	}, `
ok
true true
sent 1`},
	"some of many": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		b.Fake("server", func(s *asynccalls.Service) { s.Handle("/e", asynccallstest.Script()) })
		err := b.Client().Notify(t.Context(), request("server", "/e", "", "1"), request("nobody", "/e", "", "2"),
			request("server", "/e", "", "3"), nil)
		l.add("no such service %v, nil %v", errors.Is(err, asynccalls.ErrNoService), strings.Contains(fmt.Sprint(err), "is nil"))
		for _, r := range b.Sent() {
			l.add("%s", r.Body)
		}
	}, `
no such service true, nil true
1
3`},
	"a request that is too large": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		b.Fake("server", func(s *asynccalls.Service) { s.Handle("/e", asynccallstest.Script()) })
		l.add("%s", brief(b.Client().Notify(t.Context(), request("server", "/e", "", strings.Repeat("x", 2_000_000)))))
		l.add("sent %d", len(b.Sent()))
	}, `
more than 1048588 bytes
sent 0`},
	"a response that is too large": {func(_ testing.TB, b *asynccallstest.Broker, l *log) {
		s := b.Fake("server", func(s *asynccalls.Service) {
			s.Handle("/e", asynccallstest.Script("one", strings.Repeat("x", 2_000_000)))
		})
		got := s.Call(request("server", "/e", "", ""))
		l.add("%d responses, %s", len(got.Responses), brief(got.Err))
	}, `1 responses, status 500: response 1: record too large: the limit is 1048588 bytes`},
	"a response that is sent twice": {func(_ testing.TB, b *asynccallstest.Broker, l *log) {
		s := b.Fake("server", func(s *asynccalls.Service) {
			s.Handle("/e", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
				resp := asynccalls.NewResponse([]byte("one"))
				l.add("%v, then %v", w.Send(ctx, resp), w.Send(ctx, resp) != nil)
				return nil
			})
		})
		l.add("%s", outcome(s.Call(request("server", "/e", "", ""))))
	}, `
<nil>, then true
[0:one], ok, Done after 1`},
	"JSON": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		s := serving(b, "server", func(s *asynccalls.Service) {
			asynccalls.HandleJSON(s, "/add", func(_ context.Context, in sum) (int, error) { return in.A + in.B, nil })
		})
		n, err := asynccalls.CallOneJSON[int](t.Context(), b.Client(), "server", "/add", sum{1, 2})
		l.add("%d %s", n, brief(err))
		got := s.Notify(request("server", "/add", "", "not JSON"))
		l.add("%v after %d", got.Verdict, got.Attempts)
		l.add("%v", strings.HasPrefix(brief(s.Call(request("server", "/add", "", "not JSON")).Err), "status 400"))
	}, `
3 ok
DeadLettered after 1
true`},
	"JSON, many": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		serving(b, "server", func(s *asynccalls.Service) {
			asynccalls.StreamJSON(s, "/count", func(_ context.Context, in sum, send func(int) error) error {
				for n := in.A; n < in.B; n++ {
					if err := send(n); err != nil {
						return err
					}
				}
				return nil
			})
		})
		for n, err := range asynccalls.CallJSON[int](t.Context(), b.Client(), "server", "/count", sum{3, 6}) {
			l.add("%d %s", n, brief(err))
		}
	}, `
3 ok
4 ok
5 ok`},
	"durable responses": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		b.Fake("server", func(s *asynccalls.Service) {
			s.Handle("/good", asynccallstest.Script("one", "two"))
			s.Handle("/bad", asynccallstest.Script(&asynccalls.Error{Status: 410, Message: "gone"}))
		})
		client := responding(b, l, asynccalls.WithEnds())
		for _, endpoint := range []string{"/good", "/bad"} {
			if err := client.Service().Send(t.Context(), request("server", endpoint, "k", "")); err != nil {
				t.Fatal(err)
			}
			b.Wait()
		}
	}, `
/good 0 "one" end=false ok
/good 1 "two" end=false ok
/good 2 "" end=true ok
/bad 0 "gone" end=true status 410: gone`},
	"durable responses, without ends": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		b.Fake("server", func(s *asynccalls.Service) { s.Handle("/good", asynccallstest.Script("one")) })
		client := responding(b, l)
		if err := client.Service().Send(t.Context(), request("server", "/good", "", "")); err != nil {
			t.Fatal(err)
		}
		b.Wait()
		l.add("%v", client.Service().Send(t.Context(), request("other", "/e", "", "")) != nil)
	}, `
/good 0 "one" end=false ok
true`},
	"dead letters": {func(_ testing.TB, b *asynccallstest.Broker, l *log) {
		s := serving(b, "server", func(s *asynccalls.Service) { s.Handle("/e", asynccallstest.Script(errBroken)) })
		r := request("server", "/e", "k", "body")
		r.Header.Add("h", "v")
		s.Notify(r)
		for _, d := range s.DeadLetters() {
			l.add("%s%s key=%s header=%v body=%s", d.Service, d.Endpoint, d.Key, d.Header, d.Body)
		}
		l.add("received %d, sent %d", len(s.Received()), len(s.Sent()))
	}, `
server/e key=k header=[{h v}] body=body
received 1, sent 0`},
	"a deadline that is too far away": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		b.Fake("server", func(s *asynccalls.Service) { s.Handle("/e", asynccallstest.Script()) })
		got := ask(t, b, time.Hour, request("server", "/e", "", ""))
		l.add("%v, sent %d", strings.Contains(got, "more than Limits.MaxCall"), len(b.Sent()))
	}, `true, sent 0`},
}

// responding starts a service that handles the responses of "server".
func responding(b *asynccallstest.Broker, l *log, o ...asynccalls.EndpointOption) *asynccallstest.Instance {
	return b.Start(func(d driver.Driver) (*asynccalls.Service, error) {
		s, err := asynccalls.New("client", d)
		if err != nil {
			return nil, err
		}
		s.HandleResponses("server", "/{rest...}", func(_ context.Context, r *asynccalls.Response) error {
			l.add("%s %d %q end=%v %s", r.Endpoint, r.Seq, r.Body, r.End, brief(r.Err()))
			return nil
		}, o...)
		return s, nil
	})
}

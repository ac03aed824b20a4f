package asynccallstest_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/driver"
)

// patient is how long a call waits that does not come to its end: longer than a broker
// that is busy takes for what comes before.
const patient = 4 * time.Second

// waits are the ways in which somebody waits for a call.
var waits = map[string]behavior{
	"deadline of the caller": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		b.Fake("server", func(s *asynccalls.Service) {
			s.Handle("/slow", asynccallstest.Script("one", time.Minute, "never"))
		})
		l.add("%s", ask(t, b, patient, request("server", "/slow", "", "")))
	}, `0:one context deadline exceeded .`},
	"no end": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		b.Fake("server", func(s *asynccalls.Service) {
			s.Handle("/e", asynccallstest.Script("one", "two", asynccallstest.NoEnd))
		})
		l.add("%s", ask(t, b, patient, request("server", "/e", "", "")))
	}, `0:one 1:two context deadline exceeded .`},
	"no answer at all": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		b.Fake("server", func(s *asynccalls.Service) { s.Handle("/e", asynccallstest.Script(asynccallstest.NoEnd)) })
		l.add("%s", ask(t, b, patient, request("server", "/e", "", "")))
	}, `context deadline exceeded .`},
	"time limit of a handler": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		s := serving(b, "server", func(s *asynccalls.Service) {
			s.Handle("/e", asynccallstest.Script("one", time.Minute), asynccalls.Limits{Handler: 200 * time.Millisecond})
		})
		l.add("call %s", outcome(s.Call(request("server", "/e", "", ""))))
		l.add("notify %s", outcome(s.Notify(request("server", "/e", "", ""))))
	}, `
call [0:one], status 500: internal error, Failed after 1
notify [], ok, DeadLettered after 3`},
	"the time of a request is over while it is handled": {func(_ testing.TB, b *asynccallstest.Broker, l *log) {
		s := serving(b, "server", func(s *asynccalls.Service) { s.Handle("/e", asynccallstest.Script("one", time.Minute)) })
		r := request("server", "/e", "", "")
		r.TTL = patient
		l.add("send %s", outcome(s.Send(r)))
	}, `send [0:one], status 504: the request expired while it was handled, Dropped after 1`},
	"the time of a request is over before it is handled": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		s := serving(b, "server", func(s *asynccalls.Service) {
			s.Handle("/slow", asynccallstest.Script(5*time.Second))
			s.Handle("/quick", asynccallstest.Script())
		})
		if err := b.Client().Notify(t.Context(), request("server", "/slow", "k", "")); err != nil {
			t.Fatal(err)
		}
		r := request("server", "/quick", "k", "")
		r.TTL = time.Second
		l.add("notify %s", outcome(s.Notify(r)))
	}, `notify [], ok, Dropped after 1`},
	"no such service": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		l.add("call %s", ask(t, b, time.Minute, request("nobody", "/e", "", "")))
		_, err := b.Client().CallOne(t.Context(), request("nobody", "/e", "", ""))
		l.add("call one: %s", brief(err))
		l.add("notify %s", brief(b.Client().Notify(t.Context(), request("nobody", "/e", "", ""))))
		l.add("sent %d", len(b.Sent()))
	}, `
call no such service .
call one: no such service
notify no such service
sent 0`},
	"the caller has had enough": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		s := b.Fake("server", func(s *asynccalls.Service) { s.Handle("/e", asynccallstest.Script("one", "two", "three")) })
		for resp, err := range b.Client().Call(t.Context(), request("server", "/e", "", "")).Responses() {
			l.add("%s %s", resp.Body, brief(err))
			break
		}
		l.add("%s", ask(t, b, time.Minute, request("server", "/e", "", "")))
		l.add("received %d", len(s.Received()))
	}, `
one ok
0:one 1:two 2:three .
received 2`},
	"the caller is canceled": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		b.Fake("server", func(s *asynccalls.Service) { s.Handle("/e", asynccallstest.Script("one", asynccallstest.NoEnd)) })
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for resp, err := range b.Client().Call(ctx, request("server", "/e", "", "")).Responses() {
			if err != nil {
				l.add("%s", brief(err))
				break
			}
			l.add("%s", resp.Body)
			cancel()
		}
	}, `
one
context canceled`},
	"exactly one": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		b.Fake("server", func(s *asynccalls.Service) {
			s.Handle("/none", asynccallstest.Script())
			s.Handle("/one", asynccallstest.Script("one"))
			s.Handle("/two", asynccallstest.Script("one", "two"))
			s.Handle("/fails", asynccallstest.Script("one", &asynccalls.Error{Status: 409, Message: "no"}))
		})
		for _, endpoint := range []string{"/none", "/one", "/two", "/fails"} {
			resp, err := b.Client().CallOne(t.Context(), request("server", endpoint, "", ""))
			l.add("%s %v %s", endpoint, resp != nil && string(resp.Body) == "one", brief(err))
		}
	}, `
/none false not exactly one response
/one true ok
/two false not exactly one response
/fails false status 409: no`},
	"read twice": {func(t testing.TB, b *asynccallstest.Broker, l *log) {
		b.Fake("server", func(s *asynccalls.Service) { s.Handle("/e", asynccallstest.Script("one")) })
		c := b.Client().Call(t.Context(), request("server", "/e", "", ""))
		l.add("%s", read(c))
		l.add("%s", read(c))
	}, `
0:one .
another error: call server/e: the responses were read before .`},
	"nested call": {func(_ testing.TB, b *asynccallstest.Broker, l *log) {
		b.Fake("back", func(s *asynccalls.Service) { s.Handle("/e", asynccallstest.Script("one", "two")) })
		s := forwarding(b, "front", "back", "/e")
		l.add("%s", outcome(s.Call(request("front", "/e", "", ""))))
		l.add("sent to %s%s", s.Sent()[0].Service, s.Sent()[0].Endpoint)
	}, `
[0:one 1:two], ok, Done after 1
sent to back/e`},
	"nested call to itself, with one slot": {func(_ testing.TB, b *asynccallstest.Broker, l *log) {
		s := b.Start(func(d driver.Driver) (*asynccalls.Service, error) {
			s, err := asynccalls.New("server", d, asynccalls.Limits{Concurrency: 1})
			if err != nil {
				return nil, err
			}
			s.Handle("/inner", asynccallstest.Script("inner"))
			s.Handle("/outer", forward(s, "server", "/inner"))
			return s, nil
		})
		l.add("%s", outcome(s.Call(request("server", "/outer", "", ""))))
	}, `[0:inner], ok, Done after 1`},
	"chain of services": {func(_ testing.TB, b *asynccallstest.Broker, l *log) {
		b.Fake("three", func(s *asynccalls.Service) { s.Handle("/e", asynccallstest.Script("from three")) })
		forwarding(b, "two", "three", "/e")
		s := forwarding(b, "one", "two", "/e")
		l.add("%s", outcome(s.Call(request("one", "/e", "", ""))))
		for _, r := range b.Sent() {
			l.add("%s to %s", r.From, r.Service)
		}
	}, `
[0:from three], ok, Done after 1
test to one
one to two
two to three`},
	"calls at the same time": {func(_ testing.TB, b *asynccallstest.Broker, l *log) {
		for _, id := range []string{"a", "b", "c"} {
			b.Fake(id, func(s *asynccalls.Service) { s.Handle("/e", asynccallstest.Script(50*time.Millisecond, "from "+id)) })
		}
		s := serving(b, "front", func(s *asynccalls.Service) {
			s.Handle("/e", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
				var wg sync.WaitGroup
				bodies := make([]string, 3)
				for i, id := range []string{"a", "b", "c"} {
					wg.Go(func() {
						if resp, err := s.CallOne(ctx, request(id, "/e", "", "")); err == nil {
							bodies[i] = string(resp.Body)
						}
					})
				}
				wg.Wait()
				for _, body := range bodies {
					if err := w.Send(ctx, asynccalls.NewResponse([]byte(body))); err != nil {
						return err
					}
				}
				return nil
			})
		})
		l.add("%s", outcome(s.Call(request("front", "/e", "", ""))))
	}, `[0:from a 1:from b 2:from c], ok, Done after 1`},
	"a failure is passed on": {func(_ testing.TB, b *asynccallstest.Broker, l *log) {
		b.Fake("back", func(s *asynccalls.Service) {
			s.Handle("/e", asynccallstest.Script("one", &asynccalls.Error{Status: 422, Message: "not like this"}))
		})
		l.add("%s", outcome(forwarding(b, "front", "back", "/e").Call(request("front", "/e", "", ""))))
	}, `[0:one], status 422: not like this, Failed after 1`},
}

// forwarding starts a service that passes on what another answers.
func forwarding(b *asynccallstest.Broker, id, to, endpoint string) *asynccallstest.Instance {
	return serving(b, id, func(s *asynccalls.Service) { s.Handle("/e", forward(s, to, endpoint)) })
}

func forward(s *asynccalls.Service, to, endpoint string) asynccalls.Handler {
	return func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
		for resp, err := range s.Call(ctx, asynccalls.NewRequest(to, endpoint, r.Body)).Responses() {
			if err != nil {
				return err
			}
			if err := w.Send(ctx, asynccalls.NewResponse(resp.Body)); err != nil {
				return err
			}
		}
		return nil
	}
}

package confluent_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/drivers/kafkatest"
)

func newService(tb testing.TB, id string, d driver.Driver, o ...asynccalls.Option) *asynccalls.Service {
	tb.Helper()
	s, err := asynccalls.New(id, d, o...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return s
}

// listen has a service listen until it is closed.
func listen(tb testing.TB, s *asynccalls.Service) {
	tb.Helper()
	ended := make(chan error, 1)
	go func() { ended <- s.Listen(context.WithoutCancel(tb.Context())) }()
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), time.Minute)
		defer cancel()
		if err := s.Ready(ctx); err != nil && !errors.Is(err, asynccalls.ErrClosed) {
			tb.Errorf("a service does not get ready: %v", err)
		}
		s.Close()
		if err := <-ended; err != nil {
			tb.Errorf("listen: %v", err)
		}
	})
}

// TestServicesOfBothDrivers has a client on one driver and a server on the other.
func TestServicesOfBothDrivers(t *testing.T) {
	t.Parallel()
	for cluster, addr := range kafkatest.Clusters(t) {
		for client, server := range other {
			t.Run(cluster+"/client on "+client, func(t *testing.T) {
				t.Parallel()
				drivers := both(t, addr)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				t.Cleanup(cancel)
				topics := asynccalls.Topics{Prefix: "test-" + rand.Text() + "."}
				s := newService(t, "server", drivers[server], topics)
				s.Handle("/e", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
					for i := range 3 {
						if err := w.Send(ctx, asynccalls.NewResponse(fmt.Appendf(nil, "%s %d", r.Body, i))); err != nil {
							return err
						}
					}
					return nil
				})
				listen(t, s)
				c := newService(t, "client", drivers[client], topics)
				responses := make(chan string, 10)
				c.HandleResponses("server", "/e", func(_ context.Context, r *asynccalls.Response) error {
					responses <- string(r.Body)
					return nil
				})
				listen(t, c)
				if err := s.Ready(ctx); err != nil {
					t.Fatal(err)
				}

				want := []string{"body 0", "body 1", "body 2"}
				for range 20 {
					var got []string
					for r, err := range c.Call(ctx, asynccalls.NewRequest("server", "/e", []byte("body"))).Responses() {
						if err != nil {
							t.Fatalf("call: %v", err)
						}
						got = append(got, string(r.Body))
					}
					if fmt.Sprint(got) != fmt.Sprint(want) {
						t.Fatalf("responses are %q, want %q", got, want)
					}
				}
				if err := c.Send(ctx, asynccalls.NewRequest("server", "/e", []byte("body"))); err != nil {
					t.Fatalf("send: %v", err)
				}
				for _, want := range want {
					select {
					case got := <-responses:
						if got != want {
							t.Errorf("response is %q, want %q", got, want)
						}
					case <-ctx.Done():
						t.Fatal("no response")
					}
				}
			})
		}
	}
}

// A ledger knows which requests were handled and answered.
type ledger struct {
	tb       testing.TB
	mu       sync.Mutex // guards all below
	next     map[string]int
	answered map[string]bool
	repeated int
	changed  chan struct{} // closed and replaced when a response comes
}

// handled takes a request.
func (l *ledger) handled(r *asynccalls.Request) {
	nr, _ := strconv.Atoi(string(r.Body))
	l.mu.Lock()
	defer l.mu.Unlock()
	switch next := l.next[r.Key]; {
	case nr > next:
		l.tb.Errorf("key %s: handled number %d before %d", r.Key, nr, next)
	case nr < next:
		l.repeated++
	}
	l.next[r.Key] = max(l.next[r.Key], nr+1)
}

// take takes a response.
func (l *ledger) take(body string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answered[body] = true
	close(l.changed)
	l.changed = make(chan struct{})
}

// await waits for the responses to n requests.
func (l *ledger) await(ctx context.Context, n int) int {
	for {
		l.mu.Lock()
		got, changed := len(l.answered), l.changed
		l.mu.Unlock()
		if got >= n {
			return got
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return got
		}
	}
}

// TestServicesComeAndGo sends requests with durable responses while instances of
// the server and of the client join and leave, on both drivers: each request is
// handled, in order per key, and each response arrives.
func TestServicesComeAndGo(t *testing.T) {
	t.Parallel()
	for cluster, addr := range kafkatest.Clusters(t) {
		t.Run(cluster, func(t *testing.T) {
			t.Parallel()
			seed := mathrand.Uint64()
			t.Logf("seed %d", seed)
			random := mathrand.New(mathrand.NewPCG(seed, 0))
			comeAndGo(t, both(t, addr), random)
		})
	}
}

func comeAndGo(t *testing.T, drivers map[string]driver.Driver, random *mathrand.Rand) {
	t.Helper()
	const keys, rounds, perRound = 8, 10, 80
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	topics := asynccalls.Topics{Prefix: "test-" + rand.Text() + "."}
	l := &ledger{tb: t, next: map[string]int{}, answered: map[string]bool{}, changed: make(chan struct{})}
	pick := func() driver.Driver { return drivers[[]string{"franz", "confluent"}[random.IntN(2)]] }
	server := func() *asynccalls.Service {
		s := newService(t, "server", pick(), topics)
		s.Handle("/e", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
			l.handled(r)
			return w.Send(ctx, asynccalls.NewResponse([]byte(r.Key+" "+string(r.Body))))
		})
		listen(t, s)
		return s
	}
	client := func() *asynccalls.Service {
		s := newService(t, "client", pick(), topics)
		s.HandleResponses("server", "/e", func(_ context.Context, r *asynccalls.Response) error {
			l.take(string(r.Body))
			return nil
		})
		listen(t, s)
		return s
	}
	servers, clients := []*asynccalls.Service{server()}, []*asynccalls.Service{client()}
	if err := servers[0].Ready(ctx); err != nil {
		t.Fatal(err)
	}
	change := func(all []*asynccalls.Service, start func() *asynccalls.Service) []*asynccalls.Service {
		if len(all) < 2 || len(all) < 4 && random.IntN(2) == 0 {
			return append(all, start())
		}
		i := random.IntN(len(all))
		if err := all[i].Ready(ctx); err != nil { // one that has not begun says so when it is closed
			t.Errorf("an instance does not get ready: %v", err)
		}
		if err := all[i].Close(); err != nil {
			t.Errorf("close an instance: %v", err)
		}
		return append(all[:i:i], all[i+1:]...)
	}
	sent := map[string]int{}
	for range rounds {
		var batch []*asynccalls.Request
		for range perRound {
			key := strconv.Itoa(random.IntN(keys))
			r := asynccalls.NewRequest("server", "/e", []byte(strconv.Itoa(sent[key])))
			r.Key = key
			sent[key]++
			batch = append(batch, r)
		}
		if err := clients[random.IntN(len(clients))].Send(ctx, batch...); err != nil {
			t.Fatalf("send: %v", err)
		}
		servers, clients = change(servers, server), change(clients, client)
	}
	if got := l.await(ctx, rounds*perRound); got != rounds*perRound {
		t.Errorf("%d of %d requests were answered; missing: %s", got, rounds*perRound, l.missing(sent))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	t.Logf("%d requests, %d handled more than once", rounds*perRound, l.repeated)
}

func (l *ledger) missing(sent map[string]int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var missing []string
	for key, n := range sent {
		for nr := range n {
			if body := fmt.Sprint(key, " ", nr); !l.answered[body] {
				missing = append(missing, body)
			}
		}
	}
	return strings.Join(missing, ", ")
}

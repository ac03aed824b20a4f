package asynccalls_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
)

// loseSecond makes the broker lose the second response to each request: refuse it,
// or leave open what became of it.
func loseSecond(t *testing.T, d *faulty, topic, how string) {
	t.Helper()
	var lost atomic.Bool
	d.onPublish(func(r *driver.Record) error {
		if !strings.HasPrefix(r.Topic, topic) || string(r.Value) != "b" || lost.Swap(true) {
			return nil
		}
		switch how {
		case "written":
			written := *r
			d.broker.Publish(t.Context(), &written, func(*driver.Record, error) {})
			return driver.ErrUnknownOutcome
		case "not written":
			return driver.ErrUnknownOutcome
		}
		return driver.ErrRefused
	})
}

// TestLostResponseOfDurable loses a response of a handler that notices or does
// not: one end that says so and one dead letter, or another attempt with all
// responses (2.1, 2.5).
func TestLostResponseOfDurable(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		attempts int
		notices  bool
		ends     int
		dead     int
		ended    string
	}{
		"not noticed":              {5, false, 1, 1, "status 500: internal error"},
		"noticed, last attempt":    {1, true, 1, 1, "status 500: internal error"},
		"noticed, another follows": {5, true, 1, 0, "end"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world(t, func(t *testing.T, d *faulty) {
				s := newService(t, "server", d, asynccalls.Retry{Attempts: tt.attempts})
				s.Handle("/e", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
					err := reply(nil, "a", "b")(ctx, w, r)
					pass(time.Second) // until the outcome is known
					if e := w.Send(ctx, asynccalls.NewResponse([]byte("c"))); tt.notices {
						err = errors.Join(err, e)
					}
					return err
				})
				listen(t, s)
				client := newService(t, "client", d)
				got := gather(client, asynccalls.WithEnds())
				listen(t, client)
				loseSecond(t, d, "client.responses", "refused")
				sendAs(t, client, "durable", asynccalls.NewRequest("server", "/e", nil))
				elapse(time.Minute)
				ends := slices.DeleteFunc(slices.Clone(*got), func(s string) bool { return len(s) == 1 })
				if diff := cmp.Diff([]string{tt.ended}, ends); diff != "" {
					t.Errorf("ends (-want +got):\n%s", diff)
				}
				if n := len(read(t, d, "server.dead")); n != tt.dead {
					t.Errorf("%d dead letters, want %d", n, tt.dead)
				}
			})
		})
	}
}

// TestLostResponseOfCall loses a response that somebody awaits: the call ends at
// once and not at its deadline, whether the response is there or not (3.9).
func TestLostResponseOfCall(t *testing.T) {
	t.Parallel()
	for how, want := range map[string]string{"refused": "[a]", "not written": "[a]", "written": "[a b]"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			world(t, func(t *testing.T, d *faulty) {
				serve(t, d, "server", "/e", reply(nil, "a", "b"))
				client := newService(t, "client", d)
				loseSecond(t, d, "client.replies", how)
				begin := time.Now()
				bodies, err := collect(client.Call(t.Context(), asynccalls.NewRequest("server", "/e", nil)))
				if fmt.Sprint(bodies) != want {
					t.Errorf("responses are %v, want %s", bodies, want)
				}
				checkStatus(t, err, 500, "internal error")
				if took := time.Since(begin); took > time.Second {
					t.Errorf("the call ended after %v", took)
				}
			})
		})
	}
}

// TestLostResponsesOfCall loses responses in the midst of others, and the outcomes
// come after all were sent: the call ends wherever the caller has got to (3.9).
func TestLostResponsesOfCall(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		lost map[string]string // how, by body
		want string
	}{
		"written":             {map[string]string{"b": "written"}, "[a b c d e]"},
		"not written":         {map[string]string{"b": "not written"}, "[a]"},
		"refused":             {map[string]string{"b": "refused"}, "[a]"},
		"two written":         {map[string]string{"b": "written", "d": "written"}, "[a b c d e]"},
		"one of two written":  {map[string]string{"b": "written", "d": "not written"}, "[a b c]"},
		"the other written":   {map[string]string{"b": "not written", "d": "written"}, "[a]"},
		"written and refused": {map[string]string{"b": "written", "d": "refused"}, "[a b c]"},
		"refused and written": {map[string]string{"b": "refused", "d": "written"}, "[a]"},
		"the last written":    {map[string]string{"c": "written", "e": "written"}, "[a b c d e]"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world(t, func(t *testing.T, d *faulty) {
				l := &tardy{faulty: d, lost: tt.lost}
				s := newService(t, "server", l)
				s.Handle("/e", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
					err := reply(nil, "a", "b", "c", "d", "e")(ctx, w, r)
					pass(2 * time.Second) // until the outcomes are known
					return errors.Join(err, w.Send(ctx, asynccalls.NewResponse([]byte("f"))))
				})
				listen(t, s)
				client := newService(t, "client", d)
				begin := time.Now()
				bodies, err := collect(client.Call(t.Context(), asynccalls.NewRequest("server", "/e", nil)))
				if fmt.Sprint(bodies) != tt.want {
					t.Errorf("responses are %v, want %s", bodies, tt.want)
				}
				checkStatus(t, err, 500, "internal error")
				if took := time.Since(begin); took > 3*time.Second {
					t.Errorf("the call ended after %v", took)
				}
			})
		})
	}
}

// tardy is a driver that loses responses, each once, and says so a second later,
// the last one first.
type tardy struct {
	*faulty

	lost map[string]string // how, by body
	told time.Duration     // before which one the next is told
}

func (d *tardy) Publish(ctx context.Context, r *driver.Record, done func(*driver.Record, error)) {
	how := d.lost[string(r.Value)]
	if how == "" {
		d.faulty.Publish(ctx, r, done)
		return
	}
	outcome := driver.ErrUnknownOutcome
	switch how {
	case "written":
		written := *r
		d.broker.Publish(ctx, &written, func(*driver.Record, error) {})
	case "refused":
		outcome = driver.ErrRefused
	}
	d.told += time.Millisecond
	time.AfterFunc(time.Second-d.told, func() { done(r, outcome) })
}

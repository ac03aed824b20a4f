package asynccalls_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// ofDead holds back the outcomes of what goes to one client, as if the partitions
// there had no leader.
func ofDead(topic string) bool { return strings.HasPrefix(topic, "dead.re") }

// TestDeadClientStopsNobody has the broker acknowledge no response to one client:
// others are answered at once, also while handlers wait for space, and soon no
// handler does. The requests are done after a minute (3.9; 2.1).
func TestDeadClientStopsNobody(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"awaited", "durable"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			world(t, func(t *testing.T, d *faulty) {
				s := newService(t, "server", d, asynccalls.Retry{Attempts: 1}, asynccalls.Limits{
					Concurrency: 2, SendBytes: 10_000, Handler: time.Hour,
				})
				var failed, succeeded atomic.Int32
				s.Handle("/e", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
					for range 3 {
						if err := w.Send(ctx, asynccalls.NewResponse(bytes.Repeat([]byte("a"), 1000))); err != nil {
							failed.Add(1)
							return err
						}
					}
					succeeded.Add(1)
					return nil
				})
				listen(t, s)
				d.holdTopics(ofDead)
				ask(t, newService(t, "dead", d, asynccalls.Limits{MaxCall: 20 * time.Minute, Call: 20 * time.Minute}), mode, 20)
				alive := newService(t, "alive", d)
				call := func() {
					t.Helper()
					begin := time.Now()
					bodies, err := collect(alive.Call(t.Context(), asynccalls.NewRequest("server", "/e", nil)))
					if len(bodies) != 3 || err != nil || time.Since(begin) > 0 {
						t.Errorf("another client got %d responses after %v, and error %v", len(bodies), time.Since(begin), err)
					}
				}
				synctest.Wait()
				for range 30 {
					call()
					pass(500 * time.Millisecond)
				}
				synctest.Wait()
				// There is space for 7 responses to the dead client, or for 2 to 3 runs.
				if f, ok := failed.Load(), succeeded.Load(); f+ok != 50 || ok < 30 || ok > 32 {
					t.Errorf("%d handlers failed after 15 s and %d succeeded, want about 18 and 32", f, ok)
				}
				for range 130 {
					call()
					pass(500 * time.Millisecond)
				}
				checkDone(t, d, 180)
				checkDead(t, d, map[string]int{"awaited": 0, "durable": 20}[mode])
				d.holdOutcomes(false)
				call()
			})
		})
	}
}

// TestSlowClient has the broker be slow with what goes to one client, and refuse
// some of it: the handler waits for space, and goes on (3.9).
func TestSlowClient(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		s := newService(t, "server", d, asynccalls.Limits{SendBytes: 10_000})
		s.Handle("/many", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
			for range 50 {
				if err := w.Send(ctx, asynccalls.NewResponse(make([]byte, 1000))); err != nil {
					return err
				}
			}
			return nil
		})
		s.Handle("/one", reply(nil, string(make([]byte, 5000))))
		s.Handle("/large", reply(nil, string(make([]byte, 50_000))))
		listen(t, s)
		client := newService(t, "client", d)
		d.onPublish(func(r *driver.Record) error {
			if len(r.Value) == 5000 {
				return driver.ErrRefused
			}
			return nil
		})
		for range 10 { // what they took is given back
			_, err := client.CallOne(t.Context(), asynccalls.NewRequest("server", "/one", nil))
			checkStatus(t, err, 500, "internal error")
		}
		d.holdTopics(func(topic string) bool { return topic == "client.replies" })
		call := client.Call(t.Context(), asynccalls.NewRequest("server", "/many", nil))
		for range 10 {
			pass(time.Second)
			d.releaseHeld()
		}
		if bodies, err := collect(call); len(bodies) != 50 || err != nil {
			t.Errorf("got %d responses and error %v, want 50", len(bodies), err)
		}
		d.holdOutcomes(false)
		synctest.Wait()
		if _, err := client.CallOne(t.Context(), asynccalls.NewRequest("server", "/large", nil)); err != nil {
			t.Errorf("a response that is larger than the bound: %v", err)
		}
	})
}

// TestDeadClientGetsNoEnds keeps what is small from piling up for a dead client, and
// has durable requests become dead letters whose end cannot be sent (3.9).
func TestDeadClientGetsNoEnds(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		serve(t, d, "server", "/{e}", reply(nil))
		client := newService(t, "dead", d)
		client.HandleResponses("server", "/{e}", func(context.Context, *asynccalls.Response) error { return nil })
		var ends atomic.Int32
		d.onPublish(func(r *driver.Record) error {
			if ofDead(r.Topic) {
				ends.Add(1)
			}
			return nil
		})
		d.holdTopics(ofDead)
		others := newService(t, "alive", d)
		for range 100 {
			sendAs(t, client, "durable", asynccalls.NewRequest("server", "/e", nil))
			sendAs(t, others, "one-way", asynccalls.NewRequest("server", "/e", nil))
			pass(500 * time.Millisecond)
		}
		if n := ends.Load(); n > 22 { // those of 10 s
			t.Errorf("%d ends were sent, want 22 at most", n)
		}
		pass(time.Minute) // and nothing else is acknowledged
		for range 60 {
			sendAs(t, others, "one-way", asynccalls.NewRequest("server", "/e", nil))
			pass(time.Second)
		}
		checkDone(t, d, 260)
		checkDead(t, d, 100)
	})
}

// TestIdleClientIsNotDead has a destination get nothing for longer than a dead one
// is given, while others are served.
func TestIdleClientIsNotDead(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		serve(t, d, "server", "/e", reply(nil, "a"))
		idle, busy := newService(t, "idle", d), newService(t, "busy", d)
		d.holdTopics(func(topic string) bool { return topic == "idle.replies" })
		for i := range 400 { // less and more than the time after which it is forgotten
			if _, err := busy.CallOne(t.Context(), asynccalls.NewRequest("server", "/e", nil)); err != nil {
				t.Fatal(err)
			}
			pass(250 * time.Millisecond)
			if i%100 != 0 && i != 399 {
				continue
			}
			for range 2 {
				if _, err := collect(idle.Call(t.Context(), asynccalls.NewRequest("server", "/e", nil))); err != nil {
					t.Errorf("after %d looks: %v", i, err)
				}
				pass(time.Second)
			}
			d.releaseHeld()
		}
	})
}

// TestDeadLetterIsNotGivenUp has the broker be slow with a dead letter, and with the
// end that belongs to it (2.6, 3.9).
func TestDeadLetterIsNotGivenUp(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		s := newService(t, "server", d, asynccalls.Retry{Attempts: 1})
		s.Handle("/bad", reply(errors.New("bad")))
		s.Handle("/good", reply(nil))
		listen(t, s)
		client := newService(t, "dead", d)
		client.HandleResponses("server", "/{e}", func(context.Context, *asynccalls.Response) error { return nil })
		d.holdTopics(func(topic string) bool { return ofDead(topic) || topic == "server.dead" })
		sendAs(t, client, "durable", asynccalls.NewRequest("server", "/bad", nil))
		for range 200 {
			sendAs(t, client, "one-way", asynccalls.NewRequest("server", "/good", nil))
			pass(time.Second)
		}
		if n := committedIn(d); n >= 201 {
			t.Error("a request is committed whose dead letter is not stored")
		}
		d.holdOutcomes(false)
		elapse(time.Second)
		checkDone(t, d, 201)
		if n := len(read(t, d, "server.dead")); n != 1 {
			t.Errorf("%d dead letters, want 1", n)
		}
	})
}

// ask sends requests of which nobody reads the responses.
func ask(t *testing.T, s *asynccalls.Service, mode string, n int) {
	t.Helper()
	if mode == "durable" {
		s.HandleResponses("server", "/e", func(context.Context, *asynccalls.Response) error { return nil })
	}
	for range n {
		r := asynccalls.NewRequest("server", "/e", nil)
		if mode == "awaited" {
			s.Call(t.Context(), r)
		} else if err := s.Send(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
}

// checkDone checks how many requests are committed.
func checkDone(t *testing.T, d *faulty, want int64) {
	t.Helper()
	if done := committedIn(d); done != want {
		t.Errorf("%d requests are committed, want %d", done, want)
	}
}

// committedIn returns how many records are committed in all partitions.
func committedIn(d *faulty) (n int64) {
	ends := make(map[driver.Partition]int64)
	for _, p := range d.committed() {
		ends[p.Partition] = p.Offset
	}
	for _, end := range ends {
		n += end
	}
	return n
}

// checkDead checks how many dead letters say that a destination is dead.
func checkDead(t *testing.T, d *faulty, want int) {
	t.Helper()
	if want == 0 {
		return // and no topic
	}
	letters := read(t, d, "server.dead")
	for _, l := range letters {
		reason := string(l.Headers[len(l.Headers)-1].Value)
		if l.Headers[len(l.Headers)-1].Key != wire.HeaderError ||
			!strings.Contains(reason, "acknowledged") && !strings.Contains(reason, "could not be sent") {
			t.Errorf("a dead letter says %q, want that a response was not acknowledged", reason)
		}
	}
	if len(letters) != want {
		t.Errorf("%d dead letters, want %d", len(letters), want)
	}
}

// TestNothingIsGivenUpWhileTheBrokerIsAway has the broker acknowledge nothing at
// all for an hour: then all goes on, and no request is a dead letter (3.9, 2.5).
func TestNothingIsGivenUpWhileTheBrokerIsAway(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		serve(t, d, "server", "/e", reply(nil, "a"))
		client := newService(t, "client", d)
		var got list
		client.HandleResponses("server", "/e", func(_ context.Context, r *asynccalls.Response) error {
			got.add(r.RequestID)
			return nil
		})
		sendAs(t, client, "durable", asynccalls.NewRequest("server", "/e", nil))
		d.onCommit(func(context.Context) error { return driver.ErrUnknownOutcome })
		d.holdTopics(func(topic string) bool { return !strings.HasSuffix(topic, ".requests") })
		sendAs(t, client, "durable", asynccalls.NewRequest("server", "/e", nil))
		pass(time.Hour)
		d.onCommit(nil)
		d.holdOutcomes(false)
		listen(t, client)
		elapse(time.Minute)
		if n := len(got.all()); n != 2 {
			t.Errorf("got %d responses, want 2", n)
		}
		checkDone(t, d, 6) // two requests, and a response and an end for each
		if topics, err := d.Topics(t.Context(), "server.dead"); err != nil || len(read(t, d, "server.dead")) > 0 {
			t.Errorf("there are dead letters: %v, %v", topics, err)
		}
	})
}

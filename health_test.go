package asynccalls_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/memory"
)

// ward runs a test with virtual time and a patient.
func ward(t *testing.T, f func(t *testing.T, p *patient)) {
	t.Helper()
	world(t, func(t *testing.T, d *faulty) { f(t, &patient{faulty: d, hangs: map[string]chan struct{}{}}) })
}

// probe looks at the health every five seconds for a while, as an orchestrator does.
func probe(s *asynccalls.Service, d time.Duration) asynccalls.Health {
	for end := time.Now().Add(d); time.Now().Before(end); {
		s.Health()
		elapse(5 * time.Second)
	}
	return s.Health()
}

// checkHealth checks what Live and Ready say: "" is that all is well.
func checkHealth(t *testing.T, h asynccalls.Health, live, ready string) {
	t.Helper()
	for _, c := range []struct {
		name string
		err  error
		want string
	}{{"live", h.Live, live}, {"ready", h.Ready, ready}} {
		switch {
		case c.want == "" && c.err != nil:
			t.Errorf("%s: %v, want that all is well", c.name, c.err)
		case c.want != "" && (c.err == nil || !strings.Contains(c.err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", c.name, c.err, c.want)
		}
	}
	if len(h.Checks) != 7 {
		t.Errorf("%d checks, want 7: %v", len(h.Checks), h.Checks)
	}
}

// TestHealthBeforeJoined looks at a service that has begun to listen, from then until
// it serves: it is not ready for a moment too early.
func TestHealthBeforeJoined(t *testing.T) {
	t.Parallel()
	ward(t, func(t *testing.T, p *patient) {
		s := newService(t, "server", p)
		s.Handle("/ok", reply(nil))
		checkHealth(t, s.Health(), "", "assignment: not a member of the group yet")
		heal := p.hang("topics")
		go s.Listen(t.Context())
		synctest.Wait() // it looks for its topics, and nothing has failed
		checkHealth(t, s.Health(), "", "assignment: not a member of the group yet")
		heal()
		if err := s.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		checkHealth(t, probe(s, 10*time.Second), "", "")
	})
}

// TestHealth does to a service what happens to services, and looks whether its
// health tells the truth (5.2, pitfalls 27 to 30).
func TestHealth(t *testing.T) {
	t.Parallel()
	tests := map[string]func(t *testing.T, p *patient, s *asynccalls.Service){
		"all is well": func(t *testing.T, _ *patient, s *asynccalls.Service) {
			checkHealth(t, s.Health(), "", "")
			checkHealth(t, probe(s, time.Hour), "", "")
		},
		"the broker is away": func(t *testing.T, p *patient, s *asynccalls.Service) {
			checkHealth(t, probe(s, time.Minute), "", "")
			p.onTopics(func() error { return errors.New("no route to host") })
			checkHealth(t, probe(s, 15*time.Second), "", "broker: no route to host")
			checkHealth(t, probe(s, time.Hour), "", "broker: no route to host")
			p.onTopics(nil)
			checkHealth(t, probe(s, 10*time.Second), "", "")
		},
		"the broker does not answer": func(t *testing.T, p *patient, s *asynccalls.Service) {
			checkHealth(t, probe(s, time.Minute), "", "")
			p.silence(true)
			checkHealth(t, probe(s, 15*time.Second), "", "broker: context deadline exceeded")
			checkHealth(t, probe(s, time.Hour), "", "broker: context deadline exceeded")
			p.silence(false)
			checkHealth(t, probe(s, 10*time.Second), "", "")
		},
		"a good answer after a bad one": func(t *testing.T, p *patient, s *asynccalls.Service) {
			p.onTopics(func() error { return errors.New("no route to host") })
			elapse(time.Minute)
			checkHealth(t, s.Health(), "", "broker: no route to host")
			p.onTopics(nil)
			elapse(time.Second)
			s.Health() // has it asked
			synctest.Wait()
			checkHealth(t, s.Health(), "", "")
		},
		"nobody has asked for long": func(t *testing.T, p *patient, s *asynccalls.Service) {
			p.silence(true)
			elapse(time.Hour)
			begun := time.Now()
			checkHealth(t, s.Health(), "", "broker: no answer for 1s")
			if took := time.Since(begun); took != time.Second {
				t.Errorf("Health took %v, want a second", took)
			}
		},
		"commits fail": func(t *testing.T, p *patient, s *asynccalls.Service) {
			p.onCommit(func(context.Context) error { return errors.New("not now") })
			sendAs(t, newService(t, "client", p), "one-way", asynccalls.NewRequest("server", "/ok", nil))
			checkHealth(t, probe(s, time.Hour), "", "")
			p.onCommit(nil)
		},
		"a topic is gone": func(t *testing.T, p *patient, s *asynccalls.Service) {
			checkHealth(t, probe(s, time.Minute), "", "")
			if err := p.broker.DeleteTopic("server.dead"); err != nil {
				t.Fatal(err)
			}
			checkHealth(t, probe(s, 10*time.Second), "", "topics: missing: server.dead")
		},
		"a handler is stuck": func(t *testing.T, p *patient, s *asynccalls.Service) {
			sendAs(t, newService(t, "client", p), "one-way", asynccalls.NewRequest("server", "/stuck", nil))
			checkHealth(t, probe(s, time.Hour), "", "")
		},
		"all handlers are stuck": func(t *testing.T, p *patient, s *asynccalls.Service) {
			client := newService(t, "client", p)
			for range 2 {
				sendAs(t, client, "one-way", asynccalls.NewRequest("server", "/stuck", nil))
			}
			checkHealth(t, probe(s, 15*time.Second), "", "")
			stuck := "handlers: all 2 handlers that may run have run for more than twice their limit"
			checkHealth(t, probe(s, 10*time.Second), stuck, stuck)
		},
		"all handlers wait for others": func(t *testing.T, p *patient, s *asynccalls.Service) {
			client := newService(t, "client", p)
			for range 2 {
				sendAs(t, client, "one-way", asynccalls.NewRequest("server", "/waits", nil))
			}
			checkHealth(t, probe(s, 5*time.Minute), "", "")
			if got := sendAs(t, client, "awaited", asynccalls.NewRequest("server", "/ok", nil)); got != "[ok] <nil>" {
				t.Errorf("called another handler, and got %s", got)
			}
		},
		"handlers panic": func(t *testing.T, p *patient, s *asynccalls.Service) {
			client := newService(t, "client", p)
			for range 10 {
				sendAs(t, client, "awaited", asynccalls.NewRequest("server", "/panic", nil))
			}
			checkHealth(t, probe(s, time.Minute), "", "")
		},
		"the window is full": func(t *testing.T, p *patient, s *asynccalls.Service) {
			client := newService(t, "client", p)
			for range 20 {
				r := asynccalls.NewRequest("server", "/away", nil)
				r.Key = "one"
				sendAs(t, client, "one-way", r)
			}
			checkHealth(t, probe(s, time.Minute), "", "")
			if p.pauses.Load() == 0 {
				t.Error("nothing was paused: the window was not full")
			}
		},
		"no partition is left": func(t *testing.T, p *patient, s *asynccalls.Service) {
			others := make([]*asynccalls.Service, 4)
			for i := range others {
				others[i] = newService(t, "server", p.faulty)
				others[i].Handle("/ok", reply(nil))
				listen(t, others[i])
			}
			checkHealth(t, probe(s, time.Minute), "", "")
			for _, other := range others {
				checkHealth(t, probe(other, time.Minute), "", "")
			}
		},
		"the group puts it out": func(t *testing.T, p *patient, s *asynccalls.Service) {
			var all []driver.Partition
			for id := range int32(4) {
				all = append(all, driver.Partition{Topic: "server.requests", ID: id})
			}
			p.tell(func(l driver.Listener) { l.Lost(all[:1]) })
			checkHealth(t, probe(s, 10*time.Second), "", "")
			p.tell(func(l driver.Listener) { l.Lost(all[1:]) })
			checkHealth(t, probe(s, 10*time.Second), "", "assignment: the group has put this member out")
			p.tell(func(l driver.Listener) { l.Assigned(all[:1]) })
			checkHealth(t, probe(s, 10*time.Second), "", "")
			p.tell(func(l driver.Listener) { l.Assigned(all[1:]) })
			checkHealth(t, probe(s, 10*time.Second), "", "")
		},
		"a rebalance takes long": func(t *testing.T, p *patient, s *asynccalls.Service) {
			p.tell(func(driver.Listener) { pass(10 * time.Minute) })
			checkHealth(t, probe(s, 10*time.Minute), "", "")
		},
		"the receive loop hangs": func(t *testing.T, p *patient, s *asynccalls.Service) {
			heal := p.hang("pause")
			client := newService(t, "client", p)
			for range 20 {
				r := asynccalls.NewRequest("server", "/away", nil)
				r.Key = "one"
				sendAs(t, client, "one-way", r)
			}
			checkHealth(t, probe(s, 50*time.Second), "", "")
			checkHealth(t, probe(s, 20*time.Second), "loops: the receive loop hangs for 1m", "loops: ")
			heal()
			checkHealth(t, probe(s, 10*time.Second), "", "")
		},
		"the committing loop hangs": func(t *testing.T, p *patient, s *asynccalls.Service) {
			heal := p.hang("commit")
			sendAs(t, newService(t, "client", p), "one-way", asynccalls.NewRequest("server", "/ok", nil))
			elapse(time.Second)
			checkHealth(t, probe(s, 55*time.Second), "", "")
			checkHealth(t, probe(s, 15*time.Second), "loops: the committing loop hangs for 1m", "loops: ")
			heal()
			checkHealth(t, probe(s, 10*time.Second), "", "")
		},
		"it ends": func(t *testing.T, p *patient, s *asynccalls.Service) {
			sendAs(t, newService(t, "client", p), "one-way", asynccalls.NewRequest("server", "/slow", nil))
			elapse(time.Second)
			go s.Close()
			elapse(time.Second)
			checkHealth(t, s.Health(), "", "listen: the service is ending")
			elapse(time.Minute)
			checkHealth(t, s.Health(), "", "listen: closed")
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ward(t, func(t *testing.T, p *patient) {
				s := newStubborn(t, "server", p,
					asynccalls.Limits{Concurrency: 2, Handler: 10 * time.Second, Window: 4}, asynccalls.Topics{Partitions: 4})
				release := make(chan struct{})
				t.Cleanup(func() {
					close(release)
					_ = s.Close() // some topics are gone
				})
				s.Handle("/ok", reply(nil, "ok"))
				s.Handle("/panic", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
					var none []int
					_ = none[17] // it panics
					return nil
				})
				s.Handle("/stuck", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
					<-release
					return nil
				})
				s.Handle("/waits", func(ctx context.Context, _ asynccalls.ResponseWriter, _ *asynccalls.Request) error {
					ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 9*time.Minute)
					defer cancel()
					_, err := s.CallOne(ctx, asynccalls.NewRequest("nobody", "/e", nil))
					return err
				})
				if err := p.Create(t.Context(), driver.Topic{Name: "nobody.requests", Partitions: 1}); err != nil {
					t.Fatal(err)
				}
				s.Handle("/away", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
					return asynccalls.Unavailable(errors.New("no database"))
				})
				s.Handle("/slow", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
					pass(9 * time.Second)
					return nil
				})
				listen(t, s)
				test(t, p, s)
			})
		})
	}
}

// TestHealthBeforeListen has services that do not listen yet, cannot, or need not.
func TestHealthBeforeListen(t *testing.T) {
	t.Parallel()
	ward(t, func(t *testing.T, p *patient) {
		s := newStubborn(t, "server", p)
		checkHealth(t, s.Health(), "", "") // there is nothing to wait for
		s.Handle("/ok", reply(nil))
		checkHealth(t, s.Health(), "", "listen: Listen was not called")
		p.onTopics(func() error { return errors.New("no route to host") })
		listened := make(chan error, 1)
		go func() { listened <- s.Listen(context.WithoutCancel(t.Context())) }()
		checkHealth(t, probe(s, time.Hour), "", "assignment: look up topics")
		p.onTopics(func() error { return driver.ErrRefused })
		err := <-listened
		checkHealth(t, s.Health(), "loops: "+err.Error(), "refused")

		client := newService(t, "client", memory.New())
		checkHealth(t, client.Health(), "", "")
		if err := client.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		checkHealth(t, probe(client, time.Minute), "", "")

		p.onTopics(func() error { return errors.New("no route to host") })
		away := newService(t, "client", p)
		away.Call(t.Context(), asynccalls.NewRequest("server", "/ok", nil))
		synctest.Wait()
		checkHealth(t, probe(away, time.Minute), "", "replies: look up topics client.replies: no route to host")
		p.onTopics(nil)
		checkHealth(t, probe(away, 15*time.Second), "", "")
	})
}

// TestHealthWhileItEnds has Health asked by many while the service ends: what asks
// the broker ends as well.
func TestHealthWhileItEnds(t *testing.T) {
	t.Parallel()
	ward(t, func(t *testing.T, p *patient) {
		s := newService(t, "server", p)
		s.Handle("/ok", reply(nil))
		listen(t, s)
		p.silence(true)
		elapse(time.Minute)
		var asking sync.WaitGroup
		for range 10 {
			asking.Go(func() {
				for range 100 {
					s.Health()
					pass(time.Second)
				}
			})
		}
		elapse(time.Second)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		asked := 0
		p.silence(false)
		p.onTopics(func() error { asked++; return nil })
		checkHealth(t, s.Health(), "", "listen: closed")
		asking.Wait()
		if checkHealth(t, s.Health(), "", "listen: closed"); asked > 0 {
			t.Errorf("the broker was asked %d times after Close", asked)
		}
	})
}

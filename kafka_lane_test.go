package asynccalls_test

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/franz"
)

// kafkaLane runs a test whose client waits for responses in partition 0, beside one
// who may change the topic.
func kafkaLane(t *testing.T, f func(ctx context.Context, t *testing.T, l *laneFixture)) {
	t.Helper()
	for name, seed := range kafkaSeeds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := seed(t)
			d, err := franz.Open(addr)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { d.Close() })
			raw, err := kgo.NewClient(kgo.SeedBrokers(addr))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(raw.Close)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			t.Cleanup(cancel)
			topics := asynccalls.Topics{Prefix: "test-" + rand.Text() + ".", ReplyPartitions: 1}
			l := &laneFixture{driver: d, admin: kadm.NewClient(raw), topics: topics, proceed: make(chan struct{})}
			s := newService(t, "server", d, topics)
			s.Handle("/quick", reply(nil, "a"))
			s.Handle("/slow", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
				if err := reply(nil, "a")(ctx, w, r); err != nil {
					return err
				}
				<-l.proceed
				return reply(nil, "b")(ctx, w, r)
			})
			listen(t, s)
			l.client = newService(t, "client", d, topics, asynccalls.WithReplyOrdinal(0))
			f(ctx, t, l)
		})
	}
}

type laneFixture struct {
	driver  driver.Driver
	admin   *kadm.Client
	topics  asynccalls.Topics
	client  *asynccalls.Service
	proceed chan struct{} // lets /slow send its second response
}

// check makes a call that must go well.
func (l *laneFixture) check(ctx context.Context, t *testing.T, s *asynccalls.Service) {
	t.Helper()
	if bodies, err := collect(s.Call(ctx, asynccalls.NewRequest("server", "/quick", nil))); len(bodies) != 1 || err != nil {
		t.Errorf("got %q and error %v, want one response", bodies, err)
	}
}

// TestKafkaReplyTopicGrows gives the topic for responses more partitions while a
// call is pending: that goes on, and another instance waits in a new one (3.3).
func TestKafkaReplyTopicGrows(t *testing.T) {
	t.Parallel()
	kafkaLane(t, func(ctx context.Context, t *testing.T, l *laneFixture) {
		var bodies []string
		for r, err := range l.client.Call(ctx, asynccalls.NewRequest("server", "/slow", nil)).Responses() {
			if err != nil {
				t.Fatal(err)
			}
			if len(bodies) == 0 {
				grown, err := l.admin.CreatePartitions(ctx, 3, l.topics.Prefix+"client.replies")
				if err == nil {
					err = grown.Error()
				}
				if err != nil {
					t.Fatal(err)
				}
				other := newService(t, "client", l.driver, l.topics, asynccalls.WithReplyOrdinal(2))
				for range 3 {
					l.check(ctx, t, other)
				}
				close(l.proceed)
			}
			bodies = append(bodies, string(r.Body))
		}
		if len(bodies) != 2 {
			t.Errorf("got %q, want two responses", bodies)
		}
		l.check(ctx, t, l.client)
	})
}

// TestKafkaReplyTopicIsCreatedAgain deletes the topic for responses while a call is
// pending: that ends with ErrReplyLost, within 10 seconds, and the next one finds a
// new topic (3.3).
func TestKafkaReplyTopicIsCreatedAgain(t *testing.T) {
	t.Parallel()
	kafkaLane(t, func(ctx context.Context, t *testing.T, l *laneFixture) {
		defer close(l.proceed)
		var begin time.Time
		var end error
		for _, err := range l.client.Call(ctx, asynccalls.NewRequest("server", "/slow", nil)).Responses() {
			end = err
			if err != nil {
				break
			}
			if _, err := l.admin.DeleteTopic(ctx, l.topics.Prefix+"client.replies"); err != nil {
				t.Fatal(err)
			}
			begin = time.Now()
		}
		if took := time.Since(begin); !errors.Is(end, asynccalls.ErrReplyLost) || took > 10*time.Second {
			t.Errorf("the call ended with %v after %v, want ErrReplyLost within 10 s", end, took)
		}
		l.check(ctx, t, l.client)
	})
}

// TestKafkaReplyTopicIsDeletedUnread deletes the topic for responses before anything
// was read from it: a call may be
// lost, and the next one finds a new topic (3.3).
func TestKafkaReplyTopicIsDeletedUnread(t *testing.T) {
	t.Parallel()
	kafkaLane(t, func(ctx context.Context, t *testing.T, l *laneFixture) {
		close(l.proceed)
		if err := l.client.Ready(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := l.admin.DeleteTopic(ctx, l.topics.Prefix+"client.replies"); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		_, err := collect(l.client.Call(ctx, asynccalls.NewRequest("server", "/quick", nil)))
		took := time.Since(begin)
		if err != nil && !errors.Is(err, asynccalls.ErrReplyLost) || took > 10*time.Second { // nil if it was quicker
			t.Errorf("the call ended with %v after %v, want ErrReplyLost within 10 s", err, took)
		}
		l.check(ctx, t, l.client)
	})
}

package asynccalls_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
)

// TestWithoutTopicCreation lists what is missing and how to create it (1.2).
func TestWithoutTopicCreation(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		topics := asynccalls.Topics{Prefix: "staging.", Partitions: 3, Replicas: 2, Retention: time.Hour}
		s := newStubborn(t, "server", d, asynccalls.WithoutTopicCreation(), topics)
		s.Handle("/e", reply(nil))
		s.HandleResponses("other", "/e", func(context.Context, *asynccalls.Response) error { return nil })
		err := s.Listen(t.Context())
		for _, want := range []string{
			"kafka-topics.sh --create --topic staging.server.requests --partitions 3 --replication-factor 2 " +
				"--config message.timestamp.type=LogAppendTime --config retention.ms=3600000",
			"--topic staging.server.responses ", "--topic staging.server.dead ",
		} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v lacks %q", err, want)
			}
		}
		client := newService(t, "client", d, asynccalls.WithoutTopicCreation())
		_, err = collect(client.Call(t.Context(), asynccalls.NewRequest("server", "/e", nil)))
		if err == nil || !strings.Contains(err.Error(), "--topic client.replies --partitions 8") {
			t.Errorf("call ended with %v, want how to create the topic", err)
		}
	})
}

// TestTopics looks at what is created, and by whom (1.1, 1.2).
func TestTopics(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		names := []string{"requests", "responses", "replies", "dead"}
		existing := func(prefix string) (got []string) {
			for _, n := range names {
				topics, err := d.Topics(t.Context(), prefix+n)
				if err != nil {
					t.Fatal(err)
				}
				if len(topics) == 1 {
					got = append(got, n)
				}
			}
			return got
		}
		options := asynccalls.Topics{Prefix: "p-", Partitions: 2, ReplyPartitions: 3}
		s := newService(t, "a", d, options)
		s.Handle("/e", reply(nil))
		listen(t, s)
		if diff := cmp.Diff([]string{"requests", "dead"}, existing("p-a.")); diff != "" {
			t.Errorf("topics of a server (-want +got):\n%s", diff)
		}
		client := newService(t, "b", d, options)
		if _, err := collect(client.Call(t.Context(), asynccalls.NewRequest("a", "/e", nil))); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"replies"}, existing("p-b.")); diff != "" {
			t.Errorf("topics of a client (-want +got):\n%s", diff)
		}
	})
}

// TestLaneFollowsItsTopic deletes the topic that a client reads its responses
// from: pending calls end with ErrReplyLost, later ones work.
func TestLaneFollowsItsTopic(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		free := make(chan struct{})
		s := newService(t, "server", d)
		s.Handle("/slow", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
			<-free
			return nil
		})
		s.Handle("/e", reply(nil, "a"))
		listen(t, s)
		defer close(free)
		client := newService(t, "client", d)
		for range 2 {
			bodies, err := collect(client.Call(t.Context(), asynccalls.NewRequest("server", "/e", nil)))
			if len(bodies) != 1 || err != nil {
				t.Errorf("call ended with %v and %v, want one response", bodies, err)
			}
			pending := client.Call(t.Context(), asynccalls.NewRequest("server", "/slow", nil))
			synctest.Wait()
			if err := d.broker.DeleteTopic("client.replies"); err != nil {
				t.Fatal(err)
			}
			if _, err := collect(pending); !errors.Is(err, asynccalls.ErrReplyLost) {
				t.Errorf("pending call ended with %v, want ErrReplyLost", err)
			}
		}
	})
}

// TestGroupFollowsItsTopic deletes the topic of requests and creates it again:
// what is sent then is handled, and its offsets are committed.
func TestGroupFollowsItsTopic(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		var handled list
		serve(t, d, "server", "/e", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
			handled.add(string(r.Body))
			return nil
		})
		client := newService(t, "client", d)
		for range 10 {
			if err := client.Notify(t.Context(), asynccalls.NewRequest("server", "/e", []byte("before"))); err != nil {
				t.Fatal(err)
			}
		}
		pass(time.Second)
		if err := d.broker.DeleteTopic("server.requests"); err != nil {
			t.Fatal(err)
		}
		if err := d.Create(t.Context(), driver.Topic{Name: "server.requests", Partitions: 1}); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		for range 3 {
			if err := client.Notify(t.Context(), asynccalls.NewRequest("server", "/e", []byte("after"))); err != nil {
				t.Fatal(err)
			}
		}
		pass(time.Second)
		items := handled.sorted()
		if len(items) != 13 || items[0] != "after" || items[2] != "after" {
			t.Errorf("handled %v, want 10 before and 3 after", items)
		}
		all := d.committed()
		if last := all[len(all)-1]; last.Offset != 3 {
			t.Errorf("committed last is %+v, want offset 3", last)
		}
	})
}

// TestTruncatedLog deletes records before they were received: the others are
// handled, and what is lost is reported.
func TestTruncatedLog(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		before := newService(t, "server", d, asynccalls.Topics{Partitions: 1})
		before.Handle("/e", reply(nil))
		listen(t, before)
		client := newService(t, "client", d)
		for i := range 5 {
			if err := client.Notify(t.Context(), asynccalls.NewRequest("server", "/e", []byte{'0' + byte(i)})); err != nil {
				t.Fatal(err)
			}
			if i > 0 {
				continue
			}
			synctest.Wait()
			if err := before.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.broker.DeleteRecords(driver.Partition{Topic: "server.requests"}, 3); err != nil {
			t.Fatal(err)
		}
		var logged bytes.Buffer
		s := newService(t, "server", d, asynccalls.WithLogger(slog.New(slog.NewTextHandler(&logged, nil))))
		var handled list
		s.Handle("/e", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
			handled.add(string(r.Body))
			return nil
		})
		listen(t, s)
		synctest.Wait()
		if diff := cmp.Diff([]string{"3", "4"}, handled.sorted()); diff != "" {
			t.Errorf("handled (-want +got):\n%s", diff)
		}
		pass(time.Second)
		if all := d.committed(); all[len(all)-1].Offset != 5 {
			t.Errorf("committed %v, want 5 in the end", all)
		}
		if want := `"messages lost" service=server topic=server.requests partition=0 from=1 to=3`; !strings.Contains(logged.String(), want) {
			t.Errorf("logged %q, want %s in it", logged.String(), want)
		}
	})
}

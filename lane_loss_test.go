package asynccalls_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
)

// lossy reports a loss to readers without a group, which then go on at another
// offset.
type lossy struct {
	*faulty

	readers []*lossyReader
}

func (d *lossy) Read(ctx context.Context, p driver.Partition, offset int64) (driver.Reader, error) {
	r, err := d.faulty.Read(ctx, p, offset)
	l := &lossyReader{Reader: r, d: d, partition: p, losses: make(chan *driver.LostError, 1)}
	d.readers = append(d.readers, l)
	return l, err
}

type lossyReader struct {
	driver.Reader

	d         *lossy
	partition driver.Partition
	losses    chan *driver.LostError
	interrupt context.CancelFunc
}

// lose reports a loss at the next Receive, or at the one that waits.
func (r *lossyReader) lose(from, to int64) {
	r.losses <- &driver.LostError{Partition: r.partition, From: from, To: to}
	r.interrupt()
}

func (r *lossyReader) Receive(ctx context.Context, buf []driver.Record) (int, error) {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	r.interrupt = cancel
	n, err := r.Reader.Receive(waiting, buf)
	if err == nil {
		return n, nil
	}
	select {
	case lost := <-r.losses:
		var readErr error
		r.Reader, readErr = r.d.faulty.Read(ctx, r.partition, lost.To)
		return 0, errors.Join(lost, readErr)
	default:
		return n, err
	}
}

// TestReplyTopicLoses has the broker lose responses to a call that has got some
// (3.3).
func TestReplyTopicLoses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		lose func(*lossyReader)
		want []string
		err  error
	}{
		// The log ends before the position: the reader goes back, and skips what it knows.
		"truncated": {func(r *lossyReader) { r.lose(2, 1) }, []string{"a", "b", "c", "d"}, nil},
		// Retention was faster than the reader.
		"removed": {func(r *lossyReader) { r.lose(2, 3) }, []string{"a", "b"}, asynccalls.ErrReplyLost},
		// Another topic is in its place.
		"created again": {func(r *lossyReader) { r.lose(2, 0) }, []string{"a", "b"}, asynccalls.ErrReplyLost},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world(t, func(t *testing.T, d *faulty) {
				proceed := make(chan struct{})
				serve(t, d, "server", "/e", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
					if err := reply(nil, "a", "b")(ctx, w, r); err != nil {
						return err
					}
					<-proceed
					return reply(nil, "c", "d")(ctx, w, r)
				})
				l := &lossy{faulty: d}
				client := newService(t, "client", l, asynccalls.WithReplyOrdinal(0))
				call := client.Call(t.Context(), asynccalls.NewRequest("server", "/e", nil))
				synctest.Wait()
				tt.lose(l.readers[0])
				synctest.Wait()
				close(proceed)
				bodies, err := collect(call)
				if diff := cmp.Diff(tt.want, bodies); diff != "" || !errors.Is(err, tt.err) {
					t.Errorf("ended with %v, want %v; responses (-want +got):\n%s", err, tt.err, diff)
				}
				if _, err := collect(client.Call(t.Context(), asynccalls.NewRequest("server", "/e", nil))); err != nil {
					t.Errorf("the next call: %v", err)
				}
			})
		})
	}
}

// TestForeignResponses has an instance receive many responses of others: it tells
// how many partitions there should be (3.3).
func TestForeignResponses(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		serve(t, d, "server", "/e", reply(nil, "a"))
		var log bytes.Buffer
		client := newService(t, "client", d, asynccalls.WithReplyOrdinal(2),
			asynccalls.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		call := func() {
			t.Helper()
			if bodies, err := collect(client.Call(t.Context(), asynccalls.NewRequest("server", "/e", nil))); len(bodies) != 1 || err != nil {
				t.Errorf("got %q and error %v", bodies, err)
			}
		}
		call()
		foreign := []driver.Header{{Key: "ac", Value: []byte("1 r 2.Foreign.0.1 r.run.0 e")}}
		for range 100_000 {
			publish(t, d, driver.Record{Topic: "client.replies", Partition: 2, Headers: foreign})
		}
		pass(time.Second)
		call()
		if s := log.String(); strings.Count(s, "\n") != 1 || !strings.Contains(s, "for other instances") ||
			!strings.Contains(s, "topic=client.replies partition=2 partitions=8 suggested=1000") {
			t.Errorf("the log is %s", fmt.Sprintf("%.500q", s))
		}
	})
}

// TestTopicsGoBeforeTheyAreRead deletes topics between the look at them and what
// needs them: they are created again, and everything begins (3.3).
func TestTopicsGoBeforeTheyAreRead(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		s := newService(t, "server", &forgetful{faulty: d, topic: "server.requests"})
		s.Handle("/e", reply(nil, "a"))
		go s.Listen(t.Context())
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.Ready(ctx); err != nil {
			t.Fatal(err)
		}
		client := newService(t, "client", &forgetful{faulty: d, topic: "client.replies"})
		bodies, err := collect(client.Call(t.Context(), asynccalls.NewRequest("server", "/e", nil)))
		if diff := cmp.Diff([]string{"a"}, bodies); diff != "" || err != nil {
			t.Errorf("ended with %v; responses (-want +got):\n%s", err, diff)
		}
	})
}

// forgetful is a driver whose broker loses a topic when it is first needed.
type forgetful struct {
	*faulty

	topic string
	once  sync.Once
}

func (d *forgetful) forget() error {
	var err error
	d.once.Do(func() { err = d.broker.DeleteTopic(d.topic) })
	return err
}

func (d *forgetful) Read(ctx context.Context, p driver.Partition, offset int64) (driver.Reader, error) {
	if err := d.forget(); err != nil {
		return nil, err
	}
	return d.faulty.Read(ctx, p, offset)
}

func (d *forgetful) Join(ctx context.Context, group string, topics []string, l driver.Listener) (driver.Group, error) {
	if err := d.forget(); err != nil {
		return nil, err
	}
	return d.faulty.Join(ctx, group, topics, l)
}

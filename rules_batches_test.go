package asynccalls_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
)

// handed is a line that tells of each record that was given to it.
type handed struct {
	line
	over chan struct{}
}

func (l *handed) Publish(ctx context.Context, r *driver.Record, done func(*driver.Record, error)) {
	l.line.Publish(ctx, r, done)
	l.over <- struct{}{}
}

// TestKafkaRule43RefusedBatch has the broker accept less than the driver knows, so that
// it refuses a batch as a whole: all requests of it but the one that is too large by
// itself are written, in order. In memory there are no batches, and the records are
// refused or written one by one as it is.
func TestKafkaRule43RefusedBatch(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		topic := w.topics.Prefix + "server.requests"
		if err := w.Create(ctx, driver.Topic{Name: topic, Partitions: 1, MaxBytes: 200_000}); err != nil {
			t.Fatal(err)
		}
		l := &handed{w.connect(t), make(chan struct{}, 100)}
		client := w.new(t, "client", l)
		if err := client.Notify(ctx, asynccalls.NewRequest("server", "/e", nil)); err != nil {
			t.Fatal(err)
		}
		next(ctx, t, l.over)
		if err := w.limit(topic, 20_000); err != nil {
			t.Fatal(err)
		}
		var batch []*asynccalls.Request
		for i := range byte(40) {
			body := make([]byte, 1000)
			if i == 20 {
				body = make([]byte, 30_000)
			}
			rand.NewChaCha8([32]byte{i}).Read(body) // it can't be compressed
			batch = append(batch, asynccalls.NewRequest("server", "/e", body))
		}
		l.cut() // so that they are sent together
		result := make(chan error, 1)
		go func() { result <- client.Notify(ctx, batch...) }()
		for range batch {
			next(ctx, t, l.over)
		}
		l.mend()
		err := next(ctx, t, result)
		if _, ok := errors.AsType[*asynccalls.TooLargeError](err); !ok {
			t.Errorf("got %v, want a TooLargeError", err)
		}
		if one, ok := errors.AsType[*asynccalls.SendError](err); !ok || one.Request != batch[20] {
			t.Errorf("got %v, want the failure of the large request", err)
		}
		if joined, ok := err.(interface{ Unwrap() []error }); !ok || len(joined.Unwrap()) != 1 {
			t.Errorf("got %v, want one failure", err)
		}
		var want []string
		for _, r := range slices.Delete(slices.Clone(batch), 20, 21) {
			want = append(want, r.ID)
		}
		all := w.all(t, "server.requests")
		var got []string
		for _, r := range all[max(0, len(all)-len(want)):] {
			got = append(got, strings.Fields(string(r.Headers[0].Value))[2])
		}
		if !slices.Equal(got, want) {
			t.Errorf("requests written are\n%q, want\n%q", got, want)
		}
	})
}

// TestKafkaRule44Batches sends from many goroutines at once: all requests are
// written, and where there are batches, they share them. That a single sender does
// not wait for others is left to the tests of the driver.
func TestKafkaRule44Batches(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		const senders, each = 64, 20
		w.dated(ctx, t)
		l := w.connect(t)
		client := w.new(t, "client", l)
		if err := client.Notify(ctx, asynccalls.NewRequest("server", "/e", nil)); err != nil {
			t.Fatal(err)
		}
		before := l.produced()
		var wg sync.WaitGroup
		for range senders {
			wg.Go(func() {
				for range each {
					if err := client.Notify(ctx, asynccalls.NewRequest("server", "/e", nil)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		batches := l.produced() - before
		t.Logf("%d requests were written in %d batches", senders*each, batches)
		if batches > senders*each/4 {
			t.Errorf("%d requests were written in %d batches, want at most a quarter", senders*each, batches)
		}
		ids := make(map[string]bool)
		for _, r := range w.all(t, "server.requests") {
			ids[strings.Fields(string(r.Headers[0].Value))[2]] = true
		}
		if len(ids) != senders*each+1 {
			t.Errorf("%d requests are in the topic, want %d", len(ids), senders*each+1)
		}
	})
}

// TestKafkaRule44SingleSender sends from one goroutine: no request waits for others
// that could share its batch. The client library would have it wait for 10 ms; how long
// it takes without that is up to the broker, so the quickest one counts.
func TestKafkaRule44SingleSender(t *testing.T) {
	t.Parallel()
	rule(t, func(ctx context.Context, t *testing.T, w *tier) {
		w.dated(ctx, t)
		client := w.new(t, "client", w)
		quickest := time.Hour
		for range 50 {
			begin := time.Now()
			if err := client.Notify(ctx, asynccalls.NewRequest("server", "/e", nil)); err != nil {
				t.Fatal(err)
			}
			quickest = min(quickest, time.Since(begin))
		}
		if quickest >= 9*time.Millisecond {
			t.Errorf("the quickest request took %v, want less than the client library would wait", quickest)
		}
	})
}

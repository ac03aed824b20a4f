package main

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/embedded"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// outstandingSetup returns the setup of a client in the work outstanding, with
// the topics that a server of the floor would have made, on a broker of its own.
func outstandingSetup(t *testing.T) *setup {
	t.Helper()
	b, err := embedded.Start(embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	s := &setup{Work: outstandingName, Brokers: []string{b.Addr()}, requests: new(requests)}
	cl, err := kgo.NewClient(floorOptions(s)...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if err := createFloorTopics(t.Context(), cl, s); err != nil {
		t.Fatal(err)
	}
	if err := createTopics(t.Context(), cl, map[string]int32{silentTopic(s): requestPartitions}); err != nil {
		t.Fatal(err)
	}
	return s
}

// offsets returns what tells how many records a topic has. It is connected, so
// that it does not take long.
func offsets(t *testing.T, s *setup, topic string) func() int64 {
	t.Helper()
	cl, err := kgo.NewClient(floorOptions(s)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return func() (count int64) {
		ends, err := kadm.NewClient(cl).ListEndOffsets(t.Context(), topic)
		if err != nil {
			t.Fatal(err)
		}
		ends.Each(func(o kadm.ListedOffset) { count += max(o.Offset, 0) })
		return count
	}
}

// TestHeldCallsEnd looks at the calls while they are held, and when they must have
// ended.
func TestHeldCallsEnd(t *testing.T) {
	t.Parallel()
	const count = 5000
	s := outstandingSetup(t)
	stored := offsets(t, s, silentTopic(s))
	for _, side := range sides() {
		h, err := side.openHolder(t.Context(), s)
		if err != nil {
			t.Fatalf("%s: %v", side.name, err)
		}
		h.prepare(2*count, func() []byte { return bytes.Repeat([]byte("x"), 100) })
		before := stored()
		cancelable, cancel := context.WithCancel(t.Context())
		for i, ctx := range []context.Context{cancelable, context.WithoutCancel(t.Context())} {
			if err := h.hold(ctx, count); err != nil {
				t.Fatalf("%s: %v", side.name, err)
			}
			if got, want := stored()-before, int64(count*(i+1)); got != want {
				t.Errorf("%s: the broker has %d requests when they are held, want %d", side.name, got, want)
			}
		}
		cancel()
		if err := h.ended(count); err != nil {
			t.Errorf("%s: canceled: %v", side.name, err)
		}
		ended := make(chan error, 1)
		go func() { ended <- h.ended(count) }()
		select {
		case err := <-ended:
			t.Errorf("%s: calls that were not canceled have ended (%v)", side.name, err)
		case <-time.After(20 * time.Millisecond):
		}
		if err := h.close(); err != nil {
			t.Errorf("%s: close: %v", side.name, err)
		}
		if err := <-ended; err != nil {
			t.Errorf("%s: closed: %v", side.name, err)
		}
	}
}

func TestHeldCallThatIsAnswered(t *testing.T) {
	t.Parallel()
	s := outstandingSetup(t)
	d, svc, err := openService(s, silent, asynccalls.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	svc.Handle("/nothing", answer(1))
	var listening sync.WaitGroup
	listening.Go(func() {
		if err := svc.Listen(t.Context()); err != nil {
			t.Error(err)
		}
	})
	h, err := openServiceHolder(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	h.prepare(1, func() []byte { return nil })
	if err := h.hold(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if err := h.ended(1); err == nil || !strings.Contains(err.Error(), "call 1 of 1 was answered") {
		t.Errorf("got error %v, want one that says which call was answered", err)
	}
	for _, close := range []func() error{h.close, svc.Close, d.Close} {
		if err := close(); err != nil {
			t.Error(err)
		}
	}
	listening.Wait()
}

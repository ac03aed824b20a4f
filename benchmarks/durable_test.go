package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestTallyBoundsWhatIsInFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tally := newTally(3)
		if err := tally.begin(5); err != nil {
			t.Fatal(err)
		}
		var taken []int
		done := make(chan error)
		go func() {
			for {
				n, err := tally.take(t.Context(), 2)
				if n == 0 || err != nil {
					done <- errors.Join(err, tally.finish(t.Context()))
					return
				}
				taken = append(taken, n)
			}
		}()
		for arrived, want := range []int{1, 2, 3, 3, 3} { // batches: 2, 4 and 5 requests in all
			synctest.Wait()
			if len(taken) != want {
				t.Errorf("%v were sent when %d had their responses, want %d batches", taken, arrived, want)
			}
			tally.arrive()
		}
		if err := <-done; err != nil || taken[2] != 1 {
			t.Errorf("sent %v (%v), want 2, 2 and 1", taken, err)
		}
	})
}

func TestTallyTellsOfResponses(t *testing.T) {
	t.Parallel()
	fail := errors.New("the reader is gone")
	tests := map[string]struct {
		do   func(*tally)
		want string
	}{
		"twice":   {func(t *tally) { t.arrive(); t.arrive() }, "got 2 responses to 1 requests"},
		"none":    {func(*tally) {}, "got 0 responses to 1 requests"},
		"failure": {func(t *tally) { t.fail(fail) }, "got 0 responses to 1 requests: " + fail.Error()},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			tally := newTally(1)
			if err := tally.begin(1); err != nil {
				t.Fatal(err)
			}
			if n, err := tally.take(ctx, 1); n != 1 || err != nil {
				t.Fatalf("may send %d (%v), want 1", n, err)
			}
			tt.do(tally)
			if len(tally.failed) == 0 {
				cancel()
			}
			err := errors.Join(tally.finish(ctx), tally.begin(1))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want %q", err, tt.want)
			}
			cancel()
		})
	}
}

func TestFloorAnswersWhereItIsAsked(t *testing.T) {
	t.Parallel()
	s := &setup{}
	p := floorPartitioner(s)
	call := floorAnswer(mark{partition: 5}, repliesOf(s), responsesOf(s), nil)
	if got := p.ForTopic(call.Topic).Partition(call, 8); call.Topic != repliesOf(s) || got != 5 {
		t.Errorf("a call is answered in partition %d of %s, want 5 of %s", got, call.Topic, repliesOf(s))
	}
	got := make(map[int]bool)
	responses := p.ForTopic(responsesOf(s))
	for slot := range uint32(64) {
		r := floorAnswer(mark{partition: byKey, slot: slot}, repliesOf(s), responsesOf(s), nil)
		if r.Topic != responsesOf(s) {
			t.Fatalf("a durable request is answered in %s, want %s", r.Topic, responsesOf(s))
		}
		first := responses.Partition(r, 4)
		if again := responses.Partition(&kgo.Record{Key: r.Key}, 4); again != first {
			t.Errorf("one key is in partitions %d and %d", first, again)
		}
		got[first] = true
	}
	if len(got) != 4 {
		t.Errorf("64 responses are in %d partitions, want 4", len(got))
	}
}

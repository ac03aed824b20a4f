package deadletters_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynccalls/asynccalls/deadletters"
	"github.com/asynccalls/asynccalls/driver"
)

// TestReplayInFlight keeps all outcomes back: no more than 1,000 letters are on
// their way, and the end of ctx ends the loop.
func TestReplayInFlight(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		write(t, d, make([]letter, 1200)...)
		d.hold = true
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var results []deadletters.Result
		var last error
		begin := time.Now()
		for r, err := range deadletters.Replay(ctx, d, "server", deadletters.Options{}) {
			if last = err; err == nil {
				results = append(results, r)
			}
		}
		if took := time.Since(begin); took != time.Minute {
			t.Errorf("the loop took %v, want the minute of its context", took)
		}
		if len(d.handed) != 1000 || len(results) != 1000 || !errors.Is(last, context.DeadlineExceeded) {
			t.Errorf("%d letters were put back, %d results, error %v, want 1000 and the error of ctx",
				len(d.handed), len(results), last)
		}
		for _, r := range results {
			if !errors.Is(r.Err, driver.ErrUnknownOutcome) || !errors.Is(r.Err, context.DeadlineExceeded) {
				t.Fatalf("result has error %v, want ErrUnknownOutcome because of ctx", r.Err)
			}
		}
		checkReadersClosed(t, d)
	})
}

// TestReplayLastWaveUnknown ends the context while the last letters are on their
// way: the results say so, and so does the error.
func TestReplayLastWaveUnknown(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		write(t, d, letter{partition: 2, value: "a"})
		d.hold = true
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var results []deadletters.Result
		var last error
		for r, err := range deadletters.Replay(ctx, d, "server", deadletters.Options{}) {
			if last = err; err == nil {
				results = append(results, r)
			}
		}
		checkTold(t, results, "a failed: outcome unknown: context deadline exceeded")
		if !errors.Is(last, context.DeadlineExceeded) {
			t.Errorf("the last error is %v, want that of ctx", last)
		}
	})
}

// TestReplayBoundsBytes replays large letters: few of them are together.
func TestReplayBoundsBytes(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		value := strings.Repeat("v", 1000_000)
		for range 40 {
			write(t, d, letter{value: value})
		}
		most, n := 0, 0
		d.onPublish = func() {
			if n++; d.handed[len(d.handed)-1].Topic == "server.dead" {
				n = 0
			}
			most = max(most, n)
		}
		if results := replayAll(t, d, deadletters.Options{}); len(results) != 40 || most != 17 {
			t.Errorf("%d results, %d letters at once, want 40 and 17", len(results), most)
		}
	})
}

// TestReplayEnds breaks out, or ends the context, in the midst.
func TestReplayEnds(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		for range 5 {
			write(t, d, letter{key: "k"})
		}
		n := 0
		for range deadletters.Replay(t.Context(), d, "server", deadletters.Options{}) {
			if n++; n == 2 {
				break
			}
		}
		synctest.Wait()
		checkReadersClosed(t, d)
		checkCount(t, d, "server.requests", 2) // one key goes one by one
		checkCount(t, d, "server.dead", 7)

		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		why := errors.New("enough")
		var last error
		n = 0
		for r, err := range deadletters.Replay(ctx, d, "server", deadletters.Options{}) {
			if last = err; err != nil {
				break
			}
			if r.Skipped == "" {
				n++
				cancel(why)
			}
		}
		if n != 1 || !errors.Is(last, why) || !strings.Contains(last.Error(), "dead letters of server") {
			t.Errorf("%d letters were put back, error %v, want one and %v", n, last, why)
		}
		checkReadersClosed(t, d)
		checkCount(t, d, "server.requests", 3)
	})
}

// TestReplayContextBeforePutBack ends the context before a wave is handed over:
// nothing is written.
func TestReplayContextBeforePutBack(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		write(t, d, letter{})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		reads := 0
		d.onRead = func(p driver.Partition) error {
			if reads++; reads == 6 { // three ends, and the first partition twice
				cancel()
			}
			return nil
		}
		write(t, d, letter{partition: 1})
		var last error
		for _, err := range deadletters.Replay(ctx, d, "server", deadletters.Options{}) {
			last = err
		}
		if !errors.Is(last, context.Canceled) || len(d.handed) != 0 {
			t.Errorf("%d records were written, error %v, want none and that of ctx", len(d.handed), last)
		}
	})
}

// TestReplayBrokenReading fails to read the second partition: what was read of
// the first goes back, and the error comes last.
func TestReplayBrokenReading(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *tap) {
		write(t, d, letter{value: "a"}, letter{partition: 1, value: "b"})
		broken := errors.New("broken network")
		reads := 0
		d.onRead = func(p driver.Partition) error {
			if reads++; reads > 3 && p.ID == 1 {
				return broken
			}
			return nil
		}
		var results []deadletters.Result
		var last error
		for r, err := range deadletters.Replay(t.Context(), d, "server", deadletters.Options{}) {
			if last = err; err == nil {
				results = append(results, r)
			}
		}
		checkTold(t, results, "a put back")
		if !errors.Is(last, broken) {
			t.Errorf("the last error is %v, want %v", last, broken)
		}
		reads = 0
		for range deadletters.Replay(t.Context(), d, "server", deadletters.Options{}) {
			break // a loop that goes on after this panics
		}
	})
}

// TestReplayRate spreads messages over time.
func TestReplayRate(t *testing.T) {
	t.Parallel()
	for rate, want := range map[int]time.Duration{0: 0, 1: 99 * time.Second, 7: 99 * time.Second / 7, 50: 1900 * time.Millisecond} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			t.Parallel()
			world(t, func(t *testing.T, d *tap) {
				write(t, d, make([]letter, 100)...)
				begin := time.Now()
				replayAll(t, d, deadletters.Options{Rate: rate})
				if took := time.Since(begin).Round(time.Millisecond); took != want.Round(time.Millisecond) {
					t.Errorf("100 letters took %v, want %v", took, want)
				}
			})
		})
	}
	world(t, func(t *testing.T, d *tap) {
		write(t, d, make([]letter, 100)...)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second+time.Millisecond)
		defer cancel()
		n := 0
		var last error
		for _, err := range deadletters.Replay(ctx, d, "server", deadletters.Options{Rate: 1}) {
			if last = err; err == nil {
				n++
			}
		}
		if n != 11 || !errors.Is(last, context.DeadlineExceeded) {
			t.Errorf("%d letters within ten seconds, error %v, want 11 and that of ctx", n, last)
		}
	})
}

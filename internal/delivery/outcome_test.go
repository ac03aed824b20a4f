package delivery_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/internal/delivery"
)

var retry = delivery.Retry{Attempts: 3, Backoff: time.Second, MaxBackoff: 4 * time.Second}

// TestDecide goes through the table of 2.5, with no attempts left.
func TestDecide(t *testing.T) {
	t.Parallel()
	type o = delivery.Outcome
	none, end, dead, both := o{}, o{End: true}, o{Dead: true}, o{End: true, Dead: true}
	// Columns: success, final, fault, unserved, expired, dropped, unavailable, undelivered.
	gone := o{End: true, Away: true}
	again := o{Retry: start.Add(time.Second), Away: true}
	tests := map[delivery.Mode][8]o{
		delivery.Awaited:  {end, end, end, end, none, end, gone, end},
		delivery.Durable:  {end, end, both, dead, end, end, again, both},
		delivery.OneWay:   {none, dead, dead, dead, none, none, again, dead},
		delivery.Response: {none, dead, dead, dead, none, none, again, dead},
	}
	for mode, wants := range tests {
		for i, want := range wants {
			t.Run(fmt.Sprintf("mode %d failure %d", mode, i), func(t *testing.T) {
				t.Parallel()
				failed := delivery.Failed{How: delivery.Failure(i), At: start, Jitter: 1} //nolint:gosec // eight of them
				got := delivery.Decide(mode, failed, retry, &delivery.Tries{Count: 2, First: start})
				if got != want {
					t.Errorf("outcome is %+v, want %+v", got, want)
				}
			})
		}
	}
}

// TestDecideAwaitedRetry wants awaited requests treated as durable ones if the
// endpoint says so.
func TestDecideAwaitedRetry(t *testing.T) {
	t.Parallel()
	r := retry
	r.Awaited = true
	var tries delivery.Tries
	failed := delivery.Failed{How: delivery.Fault, At: start}
	for range 2 {
		if o := delivery.Decide(delivery.Awaited, failed, r, &tries); o.Retry.IsZero() || o.End || o.Dead {
			t.Errorf("outcome is %+v, want another attempt", o)
		}
	}
	if o := delivery.Decide(delivery.Awaited, failed, r, &tries); o != (delivery.Outcome{End: true, Dead: true}) {
		t.Errorf("last outcome is %+v, want an end and a dead letter", o)
	}
}

// TestDecideBackoff checks the times of the attempts (2.5).
func TestDecideBackoff(t *testing.T) {
	t.Parallel()
	r := delivery.Retry{Attempts: 100, Backoff: time.Second, MaxBackoff: 10 * time.Second}
	fault := delivery.Failed{How: delivery.Fault}
	late := func(d time.Duration) delivery.Failed {
		return delivery.Failed{How: delivery.Fault, Delayed: true, Delay: d}
	}
	away := delivery.Failed{How: delivery.Unavailable}
	tests := map[string]struct {
		failed []delivery.Failed
		jitter float64
		want   []time.Duration // since the failure; negative for none
	}{
		"doubles up to the maximum": {
			[]delivery.Failed{fault, fault, fault, fault, fault, fault},
			1, seconds(1, 2, 4, 8, 10, 10),
		},
		"jitter":           {[]delivery.Failed{fault, fault}, 0, seconds(0.5, 1)},
		"in a minute":      {[]delivery.Failed{late(time.Minute / 2), late(time.Hour), fault}, 1, seconds(30, 30, -1)},
		"as asked":         {[]delivery.Failed{late(0), late(3 * time.Second)}, 1, seconds(0, 3)},
		"away has no end":  {[]delivery.Failed{away, away, away, away, away, away, away}, 1, seconds(1, 2, 4, 8, 10, 10, 10)},
		"away is not kept": {[]delivery.Failed{away, away, fault}, 1, seconds(1, 2, 1)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var tries delivery.Tries
			now := start
			for i, f := range tt.failed {
				f.At, f.Jitter = now, tt.jitter
				o := delivery.Decide(delivery.OneWay, f, r, &tries)
				if tt.want[i] < 0 {
					if !o.Retry.IsZero() || !o.Dead {
						t.Errorf("after %d failures the outcome is %+v, want a dead letter", i+1, o)
					}
					return
				}
				if got := o.Retry.Sub(now); got != tt.want[i] {
					t.Errorf("after %d failures the next attempt comes after %v, want %v", i+1, got, tt.want[i])
				}
				now = o.Retry
			}
		})
	}
}

func seconds(s ...float64) []time.Duration {
	var d []time.Duration
	for _, s := range s {
		d = append(d, time.Duration(s*float64(time.Second)))
	}
	return d
}

package acurl

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestLoad runs loads in virtual time, and looks at when their calls were due and begun.
func TestLoad(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		load
		takes           time.Duration // each call
		stop            time.Duration // ctx ends then; 0 is never
		due, begun, end []int         // in milliseconds
	}{
		"one after the other":          {load{total: 3, inFlight: 1}, 10 * time.Millisecond, 0, []int{0, 10, 20}, []int{0, 10, 20}, []int{30}},
		"two at the same time":         {load{total: 3, inFlight: 2}, 10 * time.Millisecond, 0, []int{0, 0, 10}, []int{0, 0, 10}, []int{20}},
		"more than there are":          {load{total: 2, inFlight: 9}, 10 * time.Millisecond, 0, []int{0, 0}, []int{0, 0}, []int{10}},
		"for a while":                  {load{duration: 25 * time.Millisecond, inFlight: 1}, 10 * time.Millisecond, 0, []int{0, 10, 20}, []int{0, 10, 20}, []int{30}},
		"at a rate":                    {load{total: 3, rate: 50, inFlight: 1}, 10 * time.Millisecond, 0, []int{0, 20, 40}, []int{0, 20, 40}, []int{50}},
		"at a rate, too slow":          {load{total: 3, rate: 200, inFlight: 1}, 10 * time.Millisecond, 0, []int{0, 5, 10}, []int{0, 10, 20}, []int{30}},
		"at a rate, for a while":       {load{duration: 35 * time.Millisecond, rate: 100, inFlight: 2}, time.Millisecond, 0, []int{0, 10, 20, 30}, []int{0, 10, 20, 30}, []int{31}},
		"at a rate, too slow, a while": {load{duration: 25 * time.Millisecond, rate: 1000, inFlight: 1}, 10 * time.Millisecond, 0, []int{0, 1, 2}, []int{0, 10, 20}, []int{30}},
		"stopped":                      {load{total: 9, inFlight: 1}, 10 * time.Millisecond, 15 * time.Millisecond, []int{0, 10}, []int{0, 10}, []int{20}},
		"stopped while it waits":       {load{total: 9, rate: 10, inFlight: 3}, time.Millisecond, 150 * time.Millisecond, []int{0, 100}, []int{0, 100}, []int{150}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if tt.stop > 0 {
					c, cancel := context.WithTimeout(ctx, tt.stop)
					defer cancel()
					ctx = c
				}
				var mu sync.Mutex
				var due, begun []int
				var running atomic.Int32
				start := time.Now()
				at := func(when time.Time) int { return int(when.Sub(start) / time.Millisecond) }
				tt.run(ctx, func(_ context.Context, d time.Time) {
					if n := running.Add(1); int(n) > tt.inFlight {
						t.Errorf("%d calls at the same time", n)
					}
					mu.Lock()
					due, begun = append(due, at(d)), append(begun, at(time.Now()))
					mu.Unlock()
					<-time.After(tt.takes)
					running.Add(-1)
				})
				slices.Sort(due)
				slices.Sort(begun)
				end := []int{at(time.Now())}
				if !slices.Equal(due, tt.due) || !slices.Equal(begun, tt.begun) || !slices.Equal(end, tt.end) {
					t.Errorf("due %v, begun %v, end %v, want %v, %v, %v", due, begun, end, tt.due, tt.begun, tt.end)
				}
			})
		})
	}
}

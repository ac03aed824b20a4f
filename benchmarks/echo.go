package main

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// echoAlone makes one call at a time.
func echoAlone() work {
	return work{
		name:     "echo1",
		size:     100,
		inflight: 1,
		answers:  1,
		count:    2000,
		units:    withWarmUp,
		figures: []figure{
			{"p50", "ms", goal{most: 1.05}},
			{"p99", "ms", goal{most: 1.2}},
		},
		measure: measureEchoAlone,
	}
}

func measureEchoAlone(ctx context.Context, c caller, w *work, count int) ([]float64, error) {
	body := bytes.Repeat([]byte("x"), w.size)
	took := make([]time.Duration, 0, count)
	for i := range withWarmUp(count) {
		start := time.Now()
		if err := c.echo(ctx, 0, body); err != nil {
			return nil, err
		}
		if i >= count/4 { // before that it is the warm-up
			took = append(took, time.Since(start))
		}
	}
	slices.Sort(took)
	return []float64{milliseconds(percentile(took, 0.5)), milliseconds(percentile(took, 0.99))}, nil
}

// withWarmUp returns how many calls a round makes that begins with a warm-up.
func withWarmUp(count int) int { return count + count/4 }

// echoMany makes calls from many goroutines, each of which has one call in
// flight.
func echoMany(name string, inflight int) work {
	return work{
		name:     name,
		size:     100,
		inflight: inflight,
		answers:  1,
		figures:  []figure{{"calls", "1/s", goal{least: 0.9}}},
		measure: func(ctx context.Context, c caller, w *work, count int) ([]float64, error) {
			body := bytes.Repeat([]byte("x"), w.size)
			took, err := crowd(w.inflight, count, func(worker int) error { return c.echo(ctx, worker, body) })
			return []float64{float64(count) / took.Seconds()}, err
		},
	}
}

// crowd has workers call do, count times in all, and returns how long that
// took. It stops at the first error.
func crowd(workers, count int, do func(worker int) error) (time.Duration, error) {
	var wg sync.WaitGroup
	var begun atomic.Int64
	var failure atomic.Pointer[error]
	start := time.Now()
	for worker := range workers {
		wg.Go(func() {
			for begun.Add(1) <= int64(count) && failure.Load() == nil {
				if err := do(worker); err != nil {
					first := err // err itself would be allocated in each turn
					failure.CompareAndSwap(nil, &first)
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	if err := failure.Load(); err != nil {
		return took, *err
	}
	return took, nil
}

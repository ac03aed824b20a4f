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
			{p99, "ms", goal{most: 1.2}},
			{perSecond, "1/s", goal{}},
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
	all := time.Duration(0)
	for _, d := range took {
		all += d
	}
	return []float64{
		milliseconds(percentile(took, 0.5)), milliseconds(percentile(took, 0.99)), float64(count) / all.Seconds(),
	}, nil
}

// withWarmUp returns how many calls a round makes that begins with a warm-up.
func withWarmUp(count int) int { return count + count/4 }

// Names of figures that are drawn.
const (
	perSecond = "calls"
	p99       = "p99"
)

// echoMany makes calls from many goroutines, each of which has one call in
// flight.
func echoMany(name string, inflight int) work {
	return work{
		name:     name,
		size:     100,
		inflight: inflight,
		answers:  1,
		figures:  []figure{{perSecond, "1/s", goal{least: 0.9}}, {p99, "ms", goal{}}},
		measure:  measureEchoMany,
	}
}

// echoOf is echo10k with bodies of another size. All 10,000 calls are made at once
// also with 100 KB, which is 1 GB of requests: what bounds how many of them are on
// their way is the buffer of the producers, 64 MiB in each process on both sides,
// and the calls that it has no room for wait for some, as those of a user would.
func echoOf(name string, size int) work {
	w := echoMany(name, 10_000)
	w.size = size
	return w
}

// timedCalls is about how many calls of a round are timed. The others need not ask
// what time it is, which is not free where a call costs 2 µs.
const timedCalls = 10_000

func measureEchoMany(ctx context.Context, c caller, w *work, count int) ([]float64, error) {
	body := bytes.Repeat([]byte("x"), w.size)
	stride := max(1, count/timedCalls)
	times := make([]time.Duration, (count+stride-1)/stride)
	took, err := crowd(w.inflight, count, func(worker, call int) error {
		if call%stride != 0 {
			return c.echo(ctx, worker, body)
		}
		start := time.Now()
		err := c.echo(ctx, worker, body)
		times[call/stride] = time.Since(start)
		return err
	})
	slices.Sort(times)
	return []float64{float64(count) / took.Seconds(), milliseconds(percentile(times, 0.99))}, err
}

// crowd has workers call do, count times in all, numbered from 0, and returns how
// long that took. It stops at the first error.
func crowd(workers, count int, do func(worker, call int) error) (time.Duration, error) {
	var wg sync.WaitGroup
	var begun atomic.Int64
	var failure atomic.Pointer[error]
	start := time.Now()
	for worker := range workers {
		wg.Go(func() {
			for failure.Load() == nil {
				call := int(begun.Add(1)) - 1
				if call >= count {
					return
				}
				if err := do(worker, call); err != nil {
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

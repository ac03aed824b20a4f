package main

import (
	"bytes"
	"context"
	"slices"
	"time"
)

// streamAlone makes one call at a time that is answered by many responses.
func streamAlone() work {
	return work{
		name:     "stream100",
		size:     100,
		inflight: 1,
		answers:  100,
		count:    400,
		units:    func(count int) int { return 100 * withWarmUp(count) },
		figures: []figure{
			{"to the first", "ms", goal{most: 1.1}},
			{"to the last", "ms", goal{most: 1.1}},
		},
		measure: measureStreamAlone,
	}
}

func measureStreamAlone(ctx context.Context, c caller, w *work, count int) ([]float64, error) {
	body := bytes.Repeat([]byte("x"), w.size)
	first := make([]time.Duration, 0, count)
	last := make([]time.Duration, 0, count)
	for i := range withWarmUp(count) {
		start := time.Now()
		at, err := c.stream(ctx, 0, body)
		if err != nil {
			return nil, err
		}
		if i >= count/4 { // before that it is the warm-up
			first = append(first, at.Sub(start))
			last = append(last, time.Since(start))
		}
	}
	slices.Sort(first)
	slices.Sort(last)
	return []float64{milliseconds(percentile(first, 0.5)), milliseconds(percentile(last, 0.5))}, nil
}

// streamMany makes such calls from many goroutines.
func streamMany() work {
	return work{
		name:     "stream100x100",
		size:     100,
		inflight: 100,
		answers:  100,
		figures:  []figure{{"responses", "1/s", goal{least: 0.9}}},
		measure: func(ctx context.Context, c caller, w *work, count int) ([]float64, error) {
			body := bytes.Repeat([]byte("x"), w.size)
			took, err := crowd(w.inflight, count, func(worker, _ int) error {
				_, err := c.stream(ctx, worker, body)
				return err
			})
			return []float64{float64(count*w.answers) / took.Seconds()}, err
		},
	}
}

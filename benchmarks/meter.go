package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// meter takes the time from its start, or else from the beginning of the first
// request, to the end of the last of those that count. It is safe for concurrent
// use.
type meter struct {
	want    int64
	started atomic.Bool
	ended   atomic.Int64
	first   time.Time
	last    time.Time
	done    chan struct{} // closed when as many have ended as were wanted
}

func newMeter(want int) *meter { return &meter{want: int64(want), done: make(chan struct{})} }

// begin says that a request begins, or that whoever takes them starts.
func (m *meter) begin() {
	if !m.started.Load() && m.started.CompareAndSwap(false, true) {
		m.first = time.Now()
	}
}

func (m *meter) end() {
	if m.ended.Add(1) == m.want {
		m.last = time.Now()
		close(m.done)
	}
}

// over reports whether all requests have ended.
func (m *meter) over() bool { return m.ended.Load() >= m.want }

// took returns the time between the first and the last. It may be called when
// done is closed.
func (m *meter) took() time.Duration { return m.last.Sub(m.first) }

// perSecond returns how many requests went through in a second.
func (m *meter) perSecond() float64 { return float64(m.want) / m.took().Seconds() }

// wait waits until the meter has seen all requests, and says how many it has if
// that does not happen: the one who serves has ended, or ctx has.
func (m *meter) wait(ctx context.Context, served <-chan error) error {
	select {
	case <-m.done:
		return nil
	case err := <-served:
		return fmt.Errorf("serving ended after %d of %d requests: %w", m.ended.Load(), m.want, err)
	case <-ctx.Done():
		return fmt.Errorf("%d of %d requests were handled: %w", m.ended.Load(), m.want, context.Cause(ctx))
	}
}

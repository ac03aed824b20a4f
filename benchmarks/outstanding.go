package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	outstandingName = "outstanding"

	echoShare = 10 // one call of echo1k or more for so many that are held
	echoSlice = 10 // of so many by each worker
)

// outstanding makes very many calls to a service that has a topic and no
// instance, from one goroutine, so that all of them are awaited at once. Half of
// them have a context that can be canceled, one for all, as the calls of a handler
// have. The other half has one that can't be.
//
// The memory of a call is what the live heap has grown by while the calls were
// made, divided by their number: the heap in use after a forced collection of
// garbage, when the broker has all requests, less the same when the requests
// existed and no call did. So it counts all that the client keeps for a call but
// the request itself: its entry in the table of pending calls, its deadline, the
// watch over its context, and what was kept of its record. It does not count the
// Request with its ID and a body of its own, nor the slices in which a user
// keeps requests and calls; those are added in the figure of a call with its
// request. Stacks are not part of the heap: a goroutine for each call makes the
// work fail.
//
// Before and after that, calls of echo1k are made by the same client: a tenth as
// many as are held, and then more until a collection of garbage has ended, the
// last of which was forced just before. Without that the calls beside would not
// pay for marking all that is live.
//
// Then the context of the one half is canceled, and the client is closed, which
// ends the other half. Each call is looked at: none may have ended before, or for
// any other reason.
func outstanding() work {
	return work{
		name:     outstandingName,
		size:     100,
		inflight: 1000,
		answers:  1,
		count:    1_000_000,
		units:    func(int) int { return 0 },
		figures: []figure{
			{"memory of a call", "B", goal{below: 400}},
			{"of a call that can be canceled", "B", goal{below: 400}},
			{"of a call with its request", "B", goal{}},
			{"calls made", "1/s", goal{}},
			{"a collection of garbage", "ms", goal{}},
			{"echo1k alone", "1/s", goal{}},
			{"echo1k beside", "1/s", goal{}},
			{"beside to alone", "×", goal{above: 0.85}},
			{"half of them canceled", "ms", goal{}},
			{"half of them closed", "ms", goal{}},
		},
		open: openHolding,
	}
}

// holder is a caller that can also make calls without waiting for them.
type holder interface {
	caller

	// prepare makes count requests to a service that does not answer.
	prepare(count int, body func() []byte)

	// hold makes calls with the next n requests. It returns when the broker has
	// them.
	hold(ctx context.Context, n int) error

	// ended waits for the end of n calls from the first that it has not waited for.
	// The error says if one was answered, or has ended for another reason than its
	// context or close.
	ended(n int) error
}

// silent is the service that does not answer.
const silent = "silent"

func silentTopic(s *setup) string { return s.Prefix + silent + ".requests" }

// holding is a client that awaits many calls at once.
type holding struct {
	setup *setup
	work  *work
	open  func(ctx context.Context, s *setup) (holder, error)
}

var _ measured = (*holding)(nil)

// openHolding creates the topic of the service that does not answer.
func openHolding(ctx context.Context, s *setup) (measured, error) {
	side, err := s.side()
	if err != nil {
		return nil, err
	}
	w, err := s.work()
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(floorOptions(s)...)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	if err := createTopics(ctx, cl, map[string]int32{silentTopic(s): requestPartitions}); err != nil {
		return nil, err
	}
	return &holding{s, w, side.openHolder}, nil
}

func (h *holding) close() error { return nil }

// measure opens a holder for each round, as closing it ends calls.
func (h *holding) measure(ctx context.Context, count int) (values []float64, err error) {
	c, err := h.open(ctx, h.setup)
	if err != nil {
		return nil, err
	}
	if err := firstCall(ctx, c, h.work); err != nil {
		return nil, err
	}
	err = bounded(c, orderLimit, func() error {
		values, err = h.round(ctx, c, count)
		return err
	})
	return values, errors.Join(err, c.close())
}

func (h *holding) round(ctx context.Context, c holder, count int) ([]float64, error) {
	if _, err := h.echo(ctx, c, 1); err != nil { // the warm-up
		return nil, err
	}
	alone, err := h.echo(ctx, c, count/echoShare)
	if err != nil {
		return nil, err
	}
	m, err := h.holdAll(ctx, c, count)
	if err != nil {
		return nil, err
	}
	defer m.cancel()
	beside, err := h.echo(ctx, c, count/echoShare)
	if err != nil {
		return nil, err
	}
	canceled, err := m.end(func() error { m.cancel(); return nil }, m.cancelable)
	if err != nil {
		return nil, fmt.Errorf("cancel: %w", err)
	}
	closed, err := m.end(c.close, count-m.cancelable)
	if err != nil {
		return nil, fmt.Errorf("close: %w", err)
	}
	return append(m.values(), alone, beside, beside/alone, canceled, closed), nil
}

// echo makes at least so many calls, and goes on until a collection of garbage has
// ended meanwhile. It returns how many calls there were in a second.
func (h *holding) echo(ctx context.Context, c holder, least int) (perSecond float64, err error) {
	body := bytes.Repeat([]byte("x"), h.work.size)
	slice := echoSlice * h.work.inflight
	made, all := 0, time.Duration(0)
	for before := collections(); made < least || collections() == before; made += slice {
		took, err := crowd(h.work.inflight, slice, func(worker, _ int) error { return c.echo(ctx, worker, body) })
		if err != nil {
			return 0, fmt.Errorf("echo: %w", err)
		}
		all += took
	}
	return float64(made) / all.Seconds(), nil
}

// held is calls that are awaited, and the live heap as it has grown.
type held struct {
	holder            holder
	cancel            context.CancelFunc // of those that are cancelable, which are the first
	count, cancelable int

	empty, requested, some, full heap // before the requests, before the calls, with the first, with all
	took                         time.Duration
}

// holdAll makes the calls.
func (h *holding) holdAll(ctx context.Context, c holder, count int) (_ *held, err error) {
	m := &held{holder: c, count: count, cancelable: count / 2}
	m.empty = liveHeap()
	c.prepare(count, func() []byte { return bytes.Repeat([]byte("x"), h.work.size) })
	m.requested = liveHeap()
	cancelable, cancel := context.WithCancel(ctx)
	m.cancel = cancel
	defer func() {
		if err != nil {
			cancel()
		}
	}()
	start := time.Now()
	if err := c.hold(cancelable, m.cancelable); err != nil {
		return nil, err
	}
	m.took = time.Since(start)
	m.some = liveHeap()
	start = time.Now()
	if err := c.hold(ctx, count-m.cancelable); err != nil {
		return nil, err
	}
	m.took += time.Since(start)
	m.full = liveHeap()
	if more := m.full.goroutines - m.requested.goroutines; more > count/10 {
		return nil, fmt.Errorf("%d calls run in %d goroutines more, want none for each", count, more)
	}
	if h.setup.Allocs != "" {
		err = profileHeap(strings.TrimSuffix(h.setup.Allocs, ".pprof") + "-live.pprof")
	}
	return m, err
}

// values returns the figures of what was held.
func (m *held) values() []float64 {
	return []float64{
		m.full.each(m.some, m.count-m.cancelable),
		m.some.each(m.requested, m.cancelable),
		m.full.each(m.empty, m.count),
		float64(m.count) / m.took.Seconds(),
		milliseconds(m.full.took),
	}
}

// end ends the next n calls, and returns how long it takes until all have ended,
// in milliseconds.
func (m *held) end(do func() error, n int) (took float64, err error) {
	start := time.Now()
	err = do()
	if err == nil {
		err = m.holder.ended(n)
	}
	return milliseconds(time.Since(start)), err
}

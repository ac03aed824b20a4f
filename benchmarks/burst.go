package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/asynccalls/asynccalls"
)

// burst has the calls of a work made in bursts of n, by one goroutine, which waits
// for none of them before the last was made. The server answers none before that
// either, so that all of them are outstanding at once.
func burst(w *work, n int) {
	w.inflight, w.gated, w.count = n, true, 0
	w.units = func(count int) int { return bursts(count, n) * n }
	w.measure, w.open = nil, openBursts
}

// bursts returns how many bursts of n a round of count calls has.
func bursts(count, n int) int { return max(1, count/n) }

// burster is a caller that can make many calls before it waits for one.
type burster interface {
	caller

	// burst makes n calls, calls made, and waits for their responses.
	burst(ctx context.Context, n int, body []byte, made func() error) error
}

var (
	_ burster = (*floorCaller)(nil)
	_ burster = (*serviceCaller)(nil)
)

// burstClient is a client that makes calls in bursts.
type burstClient struct {
	burster
	work *work
	gate *gateKey
}

var _ measured = (*burstClient)(nil)

func openBursts(ctx context.Context, s *setup) (measured, error) {
	m, err := openCalls(ctx, s)
	if err != nil {
		return nil, err
	}
	c, ok := m.(*calls)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the client is a %T", m), m.close())
	}
	b, ok := c.caller.(burster)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%s makes no bursts", s.Side), c.close())
	}
	gate, err := dialGate(ctx, s)
	if err != nil {
		return nil, errors.Join(err, b.close())
	}
	return &burstClient{b, c.work, gate}, nil
}

// measure returns no values; those of the work are of all processes.
func (c *burstClient) measure(ctx context.Context, count int) ([]float64, error) {
	body := bytes.Repeat([]byte("x"), c.work.size)
	n := c.work.inflight
	return nil, bounded(c, orderLimit, func() error {
		for range bursts(count, n) {
			if err := c.burst(ctx, n, body, func() error { return c.gate.let(n) }); err != nil {
				return fmt.Errorf("burst of %d calls: %w", n, err)
			}
		}
		return nil
	})
}

func (c *burstClient) close() error { return errors.Join(c.burster.close(), c.gate.Close()) }

func (f *floorCaller) burst(ctx context.Context, n int, body []byte, made func() error) error {
	for worker := range n {
		f.send(ctx, worker, 1, body)
	}
	if err := made(); err != nil {
		return err
	}
	for worker := range n {
		if err := f.await(worker, body); err != nil {
			return err
		}
	}
	return nil
}

func (c *serviceCaller) burst(ctx context.Context, n int, body []byte, made func() error) error {
	all := make([]*asynccalls.Call, n)
	for worker := range all {
		all[worker] = c.service.Call(ctx, c.request(worker, body))
	}
	if err := made(); err != nil {
		return err
	}
	for i, call := range all {
		all[i] = nil // it need not stay in memory until the last has ended
		answers := 0
		for resp, err := range call.Responses() { //nolint:contextcheck // handlers outlive the ctx of receiving
			if err == nil {
				err = checkBody(len(resp.Body), len(body))
			}
			if err != nil {
				return err
			}
			answers++
		}
		if answers != 1 {
			return fmt.Errorf("got %d responses, want 1", answers)
		}
	}
	return nil
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Durable requests are sent in batches by a few goroutines, each of which waits
// until the broker has its batch before it sends the next one.
const (
	sendBatch   = 1000
	sendWorkers = 10
)

// sendMany sends durable requests, with at most as many in flight: sent, and
// without a response that was handled. The server answers each with one response,
// which is also the end, and the client handles it in its own consumer group.
func sendMany() work {
	return work{
		name:     "send10k",
		size:     100,
		inflight: sendBatch * sendWorkers,
		answers:  1,
		figures:  []figure{{"responses", "1/s", goal{least: 0.85}}},
		open:     openDurable,
	}
}

// durable sends requests to the server of its side. It calls the arrive of its
// tally for each response that it handles, and fail if it can handle no more.
type durable interface {
	// send sends n requests and returns when the broker has them.
	send(ctx context.Context, n int, body []byte) error

	close() error
}

// correspondence is a client that sends durable requests and waits until all
// responses were handled.
type correspondence struct {
	durable
	tally *tally
	body  []byte
}

var _ measured = (*correspondence)(nil)

func openDurable(ctx context.Context, s *setup) (measured, error) {
	side, err := s.side()
	if err != nil {
		return nil, err
	}
	w, err := s.work()
	if err != nil {
		return nil, err
	}
	c := &correspondence{tally: newTally(w.inflight), body: bytes.Repeat([]byte("x"), w.size)}
	if c.durable, err = side.openDurable(ctx, s, c.tally); err != nil {
		return nil, err
	}
	if _, err := c.measure(ctx, 1); err != nil {
		return nil, errors.Join(fmt.Errorf("first request: %w", err), c.close())
	}
	return c, nil
}

// measure takes the time from the first request to the handling of the last
// response.
func (c *correspondence) measure(ctx context.Context, count int) ([]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, orderLimit)
	defer cancel()
	if err := c.tally.begin(count); err != nil {
		return nil, err
	}
	errs := make([]error, sendWorkers+1)
	start := time.Now()
	var sending sync.WaitGroup
	for worker := range sendWorkers {
		sending.Go(func() {
			if errs[worker] = c.sendAll(ctx); errs[worker] != nil {
				cancel()
			}
		})
	}
	sending.Wait()
	errs[sendWorkers] = c.tally.finish(ctx)
	took := time.Since(start)
	return []float64{float64(count) / took.Seconds()}, errors.Join(errs...)
}

// sendAll sends batches until the tally has no more.
func (c *correspondence) sendAll(ctx context.Context) error {
	for {
		n, err := c.tally.take(ctx, sendBatch)
		if n == 0 || err != nil {
			return err
		}
		if err := c.send(ctx, n, c.body); err != nil {
			return fmt.Errorf("send: %w", err)
		}
	}
}

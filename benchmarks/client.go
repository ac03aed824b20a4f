package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"
)

// measured is a client whose work is measured.
type measured interface {
	// measure does the work once, of as much as count says, and returns a value for
	// each figure.
	measure(ctx context.Context, count int) ([]float64, error)
	close() error
}

// startClient opens a client, which makes its first call.
func (s *setup) startClient(ctx context.Context) (*actor, error) {
	w, err := s.work()
	if err != nil {
		return nil, err
	}
	open := openCalls
	if w.open != nil {
		open = w.open
	}
	c, err := open(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("open client: %w", err)
	}
	act := func(ctx context.Context, o order) ([]float64, error) {
		if o.Count == 0 {
			return nil, nil
		}
		return c.measure(ctx, o.Count)
	}
	return &actor{act: act, stop: c.close}, nil
}

// calls is a client that makes calls and waits for their responses.
type calls struct {
	caller
	work *work
}

var _ measured = (*calls)(nil)

func openCalls(ctx context.Context, s *setup) (measured, error) {
	side, err := s.side()
	if err != nil {
		return nil, err
	}
	w, err := s.work()
	if err != nil {
		return nil, err
	}
	c, err := side.open(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := firstCall(ctx, c, w); err != nil {
		return nil, err
	}
	return &calls{c, w}, nil
}

// firstCall makes a call, and closes the caller if that fails.
func firstCall(ctx context.Context, c caller, w *work) error {
	err := bounded(c, callLimit, func() error {
		return c.echo(ctx, 0, bytes.Repeat([]byte("x"), w.size))
	})
	if err != nil {
		return errors.Join(fmt.Errorf("first call: %w", err), c.close())
	}
	return nil
}

// bounded calls do and closes the caller if that takes too long.
func bounded(c caller, limit time.Duration, do func() error) error {
	abort := time.AfterFunc(limit, func() { _ = c.close() }) // do says what came of it
	defer abort.Stop()
	return do()
}

func (c *calls) measure(ctx context.Context, count int) (values []float64, err error) {
	err = bounded(c.caller, orderLimit, func() error {
		values, err = c.work.measure(ctx, c.caller, c.work, count)
		return err
	})
	return values, err
}

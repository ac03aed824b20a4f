package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/metrics"
	"time"
)

// orderLimit bounds what is done for one order.
const orderLimit = 2 * time.Minute

// actor is what a process that this program has started does.
type actor struct {
	addresses []string // of a broker or server

	// act does what an order says and returns the values for the figures.
	act  func(ctx context.Context, o order) ([]float64, error)
	stop func() error
}

// child is the main function of a process that this program has started. It
// takes orders from in, and reports to out, until in ends.
func child(encoded string, in io.Reader, out, stderr io.Writer) int {
	if err := takePart(context.Background(), encoded, in, out); err != nil {
		_, _ = fmt.Fprintln(stderr, "benchmarks:", err)
		return 1
	}
	return 0
}

func takePart(ctx context.Context, encoded string, in io.Reader, out io.Writer) error {
	reports := json.NewEncoder(out)
	s, err := parseSetup(encoded)
	if err != nil {
		return err
	}
	a, err := s.start(ctx)
	if err != nil {
		return errors.Join(err, reports.Encode(report{Error: err.Error()}))
	}
	if err := reports.Encode(report{Addresses: a.addresses, Usage: s.used()}); err != nil {
		return errors.Join(err, a.stop())
	}
	stopProfile, err := s.profile()
	if err != nil {
		return errors.Join(err, a.stop())
	}
	err = a.obey(ctx, json.NewDecoder(in), reports, s.used)
	return errors.Join(err, stopProfile(), a.stop())
}

// obey carries out orders until there are no more.
func (a *actor) obey(ctx context.Context, orders *json.Decoder, reports *json.Encoder, used func() usage) error {
	for {
		var o order
		if err := orders.Decode(&o); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("read order: %w", err)
		}
		var r report
		start := time.Now()
		values, err := a.act(ctx, o)
		if err != nil {
			r.Error = err.Error()
		}
		r.Values, r.Took, r.Usage = values, time.Since(start), used()
		if err := reports.Encode(r); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
}

// start makes the process what it is to be, and returns when it is that.
func (s *setup) start(ctx context.Context) (*actor, error) {
	switch s.Role {
	case broker:
		return s.startBroker() //nolint:contextcheck // it ends with stop
	case server:
		return s.startServer(ctx)
	case client:
		return s.startClient(ctx)
	case publisher:
		return s.startPublisher()
	case drainer:
		return s.startDrainer()
	default:
		return nil, fmt.Errorf("there is no role %q", s.Role)
	}
}

func (s *setup) startServer(ctx context.Context) (*actor, error) {
	side, err := s.side()
	if err != nil {
		return nil, err
	}
	if err := s.openGate(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ready, ended := make(chan []string, 1), make(chan error, 1)
	go func() { ended <- side.serve(ctx, s, func(addresses ...string) { ready <- addresses }) }() // ends with ctx
	stop := func() error {
		cancel()
		return errors.Join(s.gate.close(), <-ended)
	}
	select {
	case addresses := <-ready:
		if s.gate != nil {
			addresses = append(addresses, s.gate.address())
		}
		return &actor{addresses: addresses, act: nothing, stop: stop}, nil
	case err := <-ended:
		cancel()
		return nil, errors.Join(fmt.Errorf("serve: %w", err), s.gate.close())
	case <-time.After(callLimit):
		return nil, errors.Join(fmt.Errorf("serve: not ready within %v", callLimit), stop())
	}
}

// nothing is what those do for an order that only report.
func nothing(context.Context, order) ([]float64, error) { return nil, nil }

// used returns what this process has used.
func (s *setup) used() usage {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}}
	metrics.Read(sample)
	return usage{cpuTime(), sample[0].Value.Uint64(), s.requests.count.Load(), peakMemory()}
}

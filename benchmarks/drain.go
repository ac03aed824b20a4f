package main

import (
	"context"
	"fmt"
	"slices"
)

// drain is what a work measures in which the requests are there before anybody
// takes them: a log is published once, and in each round every variant reads all
// of it, in a process of its own that starts with the round.
type drain struct {
	requests   int   // in the log, of each service
	partitions int32 // of it

	// services own the logs. The first is the one that most variants drain.
	services []string

	// publish fills the logs, which exist, with count requests each.
	publish func(ctx context.Context, s *setup, count int) error

	// variants take turns, the first before each of the others, which are
	// compared with it.
	variants []variant

	// note says what else there is to know about the requests; it may be nil.
	note func(seed uint64, count int) string
}

// variant is one way to drain the log.
type variant struct {
	name string

	// run drains count requests and returns a value for each figure of the work.
	run func(ctx context.Context, s *setup, count int) ([]float64, error)
}

// startPublisher returns what fills the logs of a work.
func (s *setup) startPublisher() (*actor, error) {
	w, err := s.draining()
	if err != nil {
		return nil, err
	}
	act := func(ctx context.Context, o order) ([]float64, error) {
		if o.Count == 0 {
			return nil, nil
		}
		if err := createLogs(ctx, s, w.drain); err != nil {
			return nil, err
		}
		return nil, w.drain.publish(ctx, s, o.Count)
	}
	return boundedActor(act), nil
}

// startDrainer returns what drains the log once.
func (s *setup) startDrainer() (*actor, error) {
	w, err := s.draining()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(w.drain.variants, func(v variant) bool { return v.name == s.Side })
	if i < 0 {
		return nil, fmt.Errorf("work %s has no variant %q", w.name, s.Side)
	}
	return boundedActor(func(ctx context.Context, o order) ([]float64, error) {
		return w.drain.variants[i].run(ctx, s, o.Count)
	}), nil
}

// draining returns the work that the process takes part in, which is a drain.
func (s *setup) draining() (*work, error) {
	w, err := s.work()
	if err == nil && w.drain == nil {
		err = fmt.Errorf("work %s has no requests that wait", w.name)
	}
	return w, err
}

// boundedActor returns an actor that has nothing to end, and whose orders end in
// time.
func boundedActor(act func(context.Context, order) ([]float64, error)) *actor {
	return &actor{
		act: func(ctx context.Context, o order) ([]float64, error) {
			ctx, cancel := context.WithTimeout(ctx, orderLimit)
			defer cancel()
			return act(ctx, o)
		},
		stop: func() error { return nil },
	}
}

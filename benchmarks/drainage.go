package main

import (
	"context"
	"fmt"
	"io"
)

// drainage is a work with a drain while it is measured.
type drainage struct {
	plan   *plan
	work   work
	setup  setup // what all processes have in common
	stderr io.Writer
	pairs  []pair // of each variant but the first
}

// pair is the samples of a variant, and those of the first that were taken each
// just before.
type pair struct{ first, other []sample }

var _ measurement = (*drainage)(nil)

// start publishes the requests.
func (d *drainage) start(ctx context.Context) error {
	d.setup.Prefix = newPrefix(&d.work)
	d.setup.Seed = d.plan.seed
	s := d.setup
	s.Role, s.Side = publisher, "log"
	p, _, err := start(ctx, &s, d.stderr)
	if err != nil {
		return err
	}
	r, err := p.do(order{Count: d.work.drain.requests})
	if stopErr := p.stop(); err == nil {
		err = stopErr
	}
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(d.stderr, "%s: %d requests published in %.3g s\n",
		d.work.name, d.work.drain.requests*len(d.work.drain.services), r.Took.Seconds())
	return nil
}

// run has the variants drain the log: each once to warm up, and then round by
// round, the first before each of the others.
func (d *drainage) run(ctx context.Context) error {
	variants := d.work.drain.variants
	d.pairs = make([]pair, len(variants)-1)
	for _, v := range variants {
		if _, err := d.round(ctx, 0, v.name); err != nil {
			return err
		}
	}
	for round := range d.plan.rounds {
		for i := range d.pairs {
			first, err := d.round(ctx, round+1, variants[0].name)
			if err != nil {
				return err
			}
			other, err := d.round(ctx, round+1, variants[i+1].name)
			if err != nil {
				return err
			}
			p := &d.pairs[i]
			p.first, p.other = append(p.first, first), append(p.other, other)
		}
	}
	return nil
}

func (d *drainage) round(ctx context.Context, round int, variant string) (sample, error) {
	s, err := d.drain(ctx, variant)
	if err != nil {
		return s, fmt.Errorf("round %d: %s: %w", round, variant, err)
	}
	_, _ = fmt.Fprintf(d.stderr, "%s: round %d of %d: %s: %.4g\n",
		d.work.name, round, d.plan.rounds, variant, s.values)
	return s, nil
}

// drain has a variant drain the log in a new process, and then lets the next one
// find it as it was.
func (d *drainage) drain(ctx context.Context, variant string) (sample, error) {
	s := d.setup
	s.Role, s.Side = drainer, variant
	d.plan.profiles(&s)
	p, ready, err := start(ctx, &s, d.stderr)
	if err != nil {
		return sample{}, err
	}
	r, err := p.do(order{Count: d.work.drain.requests})
	if stopErr := p.stop(); err == nil {
		err = stopErr
	}
	if err != nil {
		return sample{}, err
	}
	return sample{
		values: r.Values,
		units:  d.work.drain.requests,
		server: r.Usage.since(ready.Usage),
	}, deleteGroups(ctx, d.setup.Brokers, d.setup.Prefix)
}

// stop deletes the topics.
func (d *drainage) stop() error {
	if len(d.plan.brokers) == 0 || d.setup.Prefix == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), callLimit)
	defer cancel()
	return deleteTopics(ctx, d.setup.Brokers, d.setup.Prefix)
}

// results compares each variant with the first.
func (d *drainage) results() []result {
	drain := d.work.drain
	var results []result
	for i, p := range d.pairs {
		for j, f := range d.work.figures {
			if len(d.pairs) > 1 {
				f.name += ", " + drain.variants[i+1].name
			}
			r := newResult(d.work.name, f, valuesOf(p.first, j), valuesOf(p.other, j))
			r.Costs[1], r.Costs[3] = serverCost(p.first), serverCost(p.other)
			if drain.note != nil {
				r.Note = drain.note(d.plan.seed, drain.requests)
			}
			results = append(results, r)
		}
	}
	return results
}

func serverCost(samples []sample) cost {
	return costOf(samples, func(s *sample) usage { return s.server })
}

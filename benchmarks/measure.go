package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"
)

// sample is what one side did in one round.
type sample struct {
	values         []float64 // for the figures of the work
	units          int       // calls, or responses of streams; 0 if there is no unit
	client, server usage     // of all of them
}

// measurement is a work while it is measured.
type measurement interface {
	start(ctx context.Context) error
	run(ctx context.Context) error
	results() []result
	stop() error // also if start or run has failed
}

var _ measurement = (*bench)(nil)

// bench is a work of clients and servers while it is measured. The first two teams
// are those that are compared by the goals of the work: the floor and asynccalls.
// asynccalls is also compared with each of the others.
type bench struct {
	plan   *plan
	work   work
	setup  setup // what all processes have in common
	stderr io.Writer
	teams  []*team
}

// measure measures one work, and returns a result for each figure of it, and what
// the broker is.
func (p *plan) measure(ctx context.Context, w work, stderr io.Writer) (r []result, label string, err error) {
	ctx, cancel := context.WithTimeout(ctx, p.limit)
	defer cancel()
	common := setup{Work: w.name, Brokers: p.brokers}
	if len(p.brokers) == 0 {
		embedded, ready, err := start(ctx, &setup{Role: broker, Side: embeddedBroker}, stderr)
		if err != nil {
			return nil, "", err
		}
		defer func() { err = errors.Join(err, embedded.stop()) }()
		common.Brokers = ready.Addresses
	}
	if label, err = p.name(ctx, common.Brokers); err != nil {
		return nil, "", err
	}
	var b measurement = &bench{plan: p, work: w, setup: common, stderr: stderr}
	switch {
	case w.drain != nil:
		b = &drainage{plan: p, work: w, setup: common, stderr: stderr}
	case w.alone:
		b = &crews{bench{plan: p, work: w, setup: common, stderr: stderr}}
	}
	defer func() { err = explain(ctx, err, p.limit) }()
	defer func() { err = errors.Join(err, b.stop()) }()
	if err := b.start(ctx); err != nil {
		return nil, "", err
	}
	if err := b.run(ctx); err != nil {
		return nil, "", err
	}
	return b.results(), label, nil
}

// explain says so if an error is what the end of the time has brought about.
func explain(ctx context.Context, err error, limit time.Duration) error {
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("not measured within %v: %w", limit, err)
	}
	return err
}

// name returns what the broker is called in the results.
func (p *plan) name(ctx context.Context, brokers []string) (string, error) {
	switch {
	case p.label != "":
		return p.label, nil
	case len(p.brokers) == 0:
		return "embedded (kfake)", nil
	default:
		version, err := versionOf(ctx, brokers)
		return "Kafka " + version, err
	}
}

// start starts the processes, on topics that are new.
func (b *bench) start(ctx context.Context) error {
	b.setup.Prefix = newPrefix(&b.work)
	for _, s := range b.plan.compared(&b.work) {
		t := &team{bench: b, side: s}
		b.teams = append(b.teams, t)
		if err := t.start(ctx); err != nil {
			return err
		}
	}
	return nil
}

// newPrefix returns what nobody else has used for topics of a work.
func newPrefix(w *work) string {
	prefix := fmt.Sprintf("benchmark-%s-%s-", w.name, time.Now().UTC().Format("20060102-150405.000000"))
	return strings.ReplaceAll(prefix, ".", "-")
}

// profiles says where a process writes its profiles, if it is to.
func (p *plan) profiles(s *setup) {
	name := fmt.Sprintf("%s-%s-%s.pprof", s.Work, s.Side, s.Role)
	if s.Instances > 1 {
		name = fmt.Sprintf("%s-%s-%s-%d.pprof", s.Work, s.Side, s.Role, s.Instance)
	}
	if p.cpuProfiles != "" {
		s.CPU = filepath.Join(p.cpuProfiles, name)
	}
	if p.memProfiles != "" {
		s.Allocs = filepath.Join(p.memProfiles, name)
	}
}

// stop ends the processes and deletes the topics.
func (b *bench) stop() error {
	var errs []error
	for _, t := range b.teams {
		errs = append(errs, t.stop())
	}
	if len(b.plan.brokers) > 0 && b.setup.Prefix != "" {
		ctx, cancel := context.WithTimeout(context.Background(), callLimit)
		defer cancel()
		errs = append(errs, deleteTopics(ctx, b.setup.Brokers, b.setup.Prefix))
	}
	return errors.Join(errs...)
}

// run warms up and measures round by round.
func (b *bench) run(ctx context.Context) error {
	for _, t := range b.teams {
		if err := t.warmUp(ctx); err != nil {
			return fmt.Errorf("warm-up: %w", err)
		}
	}
	for round := range b.plan.rounds {
		for _, t := range b.teams {
			s, err := t.round(ctx, t.count)
			if err != nil {
				return fmt.Errorf("round %d: %w", round+1, err)
			}
			t.samples = append(t.samples, s)
			_, _ = fmt.Fprintf(b.stderr, "%s: round %d of %d: %s: %.4g\n",
				b.work.name, round+1, b.plan.rounds, t.side.name, s.values)
		}
	}
	return nil
}

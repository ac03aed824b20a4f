package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// sample is what one side did in one round.
type sample struct {
	values         []float64 // for the figures of the work
	units          int       // calls, or responses of streams; 0 if there is no unit
	client, server usage
}

// measurement is a work while it is measured.
type measurement interface {
	start(ctx context.Context) error
	run(ctx context.Context) error
	results() []result
	stop() error // also if start or run has failed
}

var _ measurement = (*bench)(nil)

// bench is a work of clients and servers while it is measured.
type bench struct {
	plan   *plan
	work   work
	setup  setup // what all processes have in common
	stderr io.Writer
	teams  [2]*team
}

// team is the processes of a side.
type team struct {
	side           side
	client, server *process // client is nil between the rounds of a work that starts it
	samples        []sample
}

// measure measures one work, and returns a result for each figure of it, and what
// the broker is.
func (p *plan) measure(ctx context.Context, w work, stderr io.Writer) (r []result, label string, err error) {
	ctx, cancel := context.WithTimeout(ctx, p.limit)
	defer cancel()
	common := setup{Work: w.name, Brokers: p.brokers}
	if len(p.brokers) == 0 {
		embedded, ready, err := start(ctx, &setup{Role: broker, Side: "embedded"}, stderr)
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
	if w.drain != nil {
		b = &drainage{plan: p, work: w, setup: common, stderr: stderr}
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
	for i, s := range b.work.compared() {
		t := &team{side: s}
		b.teams[i] = t
		var err error
		if t.server, _, err = start(ctx, b.member(t, server), b.stderr); err != nil {
			return err
		}
		if t.client, _, err = start(ctx, b.member(t, client), b.stderr); err != nil {
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

// member returns the setup of a process of a team.
func (b *bench) member(t *team, r role) *setup {
	s := b.setup
	s.Role, s.Side = r, t.side.name
	s.Prefix += s.Side + "."
	if b.work.restarts() {
		return &s // its clients are too many, and too short-lived
	}
	b.plan.profiles(&s)
	return &s
}

// profiles says where a process writes its profiles, if it is to.
func (p *plan) profiles(s *setup) {
	name := fmt.Sprintf("%s-%s-%s.pprof", s.Work, s.Side, s.Role)
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
		if t == nil {
			continue
		}
		for _, p := range []*process{t.client, t.server} {
			if p != nil {
				errs = append(errs, p.stop())
			}
		}
	}
	if len(b.plan.brokers) > 0 && b.setup.Prefix != "" {
		ctx, cancel := context.WithTimeout(context.Background(), callLimit)
		defer cancel()
		errs = append(errs, deleteTopics(ctx, b.setup.Brokers, b.setup.Prefix))
	}
	return errors.Join(errs...)
}

// warmUpMost is how many calls warm up a work with a fixed number of calls.
const warmUpMost = 10_000

// run warms up and measures round by round.
func (b *bench) run(ctx context.Context) error {
	count, err := b.warmUp(ctx)
	if err != nil {
		return err
	}
	for round := range b.plan.rounds {
		for _, t := range b.teams {
			s, err := b.round(ctx, t, count)
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

// warmUp returns how many calls a round makes. Where the work leaves that open,
// it is found on the floor, by making more and more of them until they take
// half of the time that a round should take. The other side is warmed up with
// as many; no side with more than warmUpMost where the number is fixed.
func (b *bench) warmUp(ctx context.Context) (count int, err error) {
	if b.work.count > 0 {
		for _, t := range b.teams {
			if _, err := b.round(ctx, t, min(b.work.count, warmUpMost)); err != nil {
				return 0, fmt.Errorf("warm-up: %w", err)
			}
		}
		return b.work.count, nil
	}
	for calls := 2 * b.work.inflight; ; calls *= 2 {
		var took time.Duration
		for _, t := range slices.Backward(b.teams[:]) { // the floor is the last
			r, err := t.client.do(order{Count: calls})
			if err != nil {
				return 0, fmt.Errorf("warm-up: %w", err)
			}
			took = r.Took
		}
		if took > b.plan.round/2 {
			return max(int(float64(calls)*float64(b.plan.round)/float64(took)), b.work.inflight), nil
		}
	}
}

// round has one side do its work once.
func (b *bench) round(ctx context.Context, t *team, count int) (sample, error) {
	if b.work.restarts() {
		return b.restart(ctx, t, count)
	}
	before, err := t.usage()
	if err != nil {
		return sample{}, err
	}
	r, err := t.client.do(order{Count: count})
	if err != nil {
		return sample{}, err
	}
	after, err := t.usage()
	if err != nil {
		return sample{}, err
	}
	units := count * b.work.answers
	if b.work.units != nil {
		units = b.work.units(count)
	}
	return sample{
		values: r.Values,
		units:  units,
		client: after[0].since(before[0]),
		server: after[1].since(before[1]),
	}, nil
}

// usage returns what the client and the server have used.
func (t *team) usage() (u [2]usage, err error) {
	for i, p := range []*process{t.client, t.server} {
		r, err := p.do(order{})
		if err != nil {
			return u, err
		}
		u[i] = r.Usage
	}
	return u, nil
}

// restart starts the client anew and measures how long it takes until it has its
// first response.
func (b *bench) restart(ctx context.Context, t *team, count int) (sample, error) {
	s := sample{units: count}
	var took []time.Duration
	for range count {
		if t.client != nil {
			err := t.client.stop()
			t.client = nil
			if err != nil {
				return s, err
			}
		}
		before, err := t.server.do(order{})
		if err != nil {
			return s, err
		}
		began := time.Now()
		p, ready, err := start(ctx, b.member(t, client), b.stderr)
		if err != nil {
			return s, err
		}
		took = append(took, time.Since(began))
		t.client = p
		after, err := t.server.do(order{})
		if err != nil {
			return s, err
		}
		s.client = s.client.plus(ready.Usage)
		s.server = s.server.plus(after.Usage.since(before.Usage))
	}
	slices.Sort(took)
	s.values = []float64{milliseconds(percentile(took, 0.5))}
	return s, nil
}

package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// team is the processes of a side.
type team struct {
	bench *bench
	side  side
	count int // of calls in a round

	broker           *process   // nil if it uses that of all
	servers, clients []*process // no client between the rounds of a work that starts it
	brokers          []string   // addresses of its own broker, or of that of all
	addresses        []string   // of its servers, if clients need them

	samples []sample
}

// size returns how many servers and clients the team has.
func (t *team) size() int {
	if t.side.alone {
		return 1
	}
	return max(t.bench.work.instances, 1)
}

// start starts the processes: the first server alone, as it may create topics, then
// the other servers and then the clients.
func (t *team) start(ctx context.Context) (err error) {
	t.brokers = t.bench.setup.Brokers
	if t.side.broker != nil {
		var ready *report
		if t.broker, ready, err = start(ctx, t.member(broker, 0), t.bench.stderr); err != nil {
			return err
		}
		t.brokers = ready.Addresses
	}
	first, ready, err := start(ctx, t.member(server, 0), t.bench.stderr)
	if err != nil {
		return err
	}
	t.addresses = ready.Addresses
	t.servers, err = t.startAll(ctx, server, first)
	if err != nil {
		return err
	}
	t.clients, err = t.startAll(ctx, client)
	return err
}

// startAll starts the processes of a role that are not there yet, at once.
func (t *team) startAll(ctx context.Context, r role, there ...*process) ([]*process, error) {
	all := make([]*process, t.size())
	errs := make([]error, len(all))
	copy(all, there)
	var starting sync.WaitGroup
	for i := len(there); i < len(all); i++ {
		starting.Go(func() { all[i], _, errs[i] = start(ctx, t.member(r, i), t.bench.stderr) })
	}
	starting.Wait()
	return slices.DeleteFunc(all, func(p *process) bool { return p == nil }), errors.Join(errs...)
}

// member returns the setup of a process.
func (t *team) member(r role, instance int) *setup {
	s := t.bench.setup
	s.Role, s.Side = r, t.side.name
	s.Brokers, s.Servers = t.brokers, t.addresses
	s.Prefix += s.Side + "."
	s.Instance, s.Instances = instance, t.size()
	if !t.bench.work.restarts() { // or else its clients are too many, and too short-lived
		t.bench.plan.profiles(&s)
	}
	return &s
}

// stop ends the processes.
func (t *team) stop() error {
	var errs []error
	for _, p := range slices.Concat(t.clients, t.servers, []*process{t.broker}) {
		if p != nil {
			errs = append(errs, p.stop())
		}
	}
	return errors.Join(errs...)
}

// warmUpMost is how many calls warm up a work with a fixed number of calls.
const warmUpMost = 10_000

// warmUp finds out how many calls a round makes. Where the work leaves that open,
// more and more of them are made until they take half of the time that a round
// should take. No side is warmed up with more than warmUpMost where the number is
// fixed.
func (t *team) warmUp(ctx context.Context) error {
	if t.count = t.bench.work.count; t.count > 0 {
		_, err := t.round(ctx, min(t.count, warmUpMost))
		return err
	}
	round, least := t.bench.plan.round, t.bench.work.inflight
	for calls := least; ; calls *= 2 {
		took, _, err := t.order(ctx, calls)
		if err != nil {
			return err
		}
		if took > round/2 {
			t.count = max(int(float64(calls)*float64(round)/float64(took)), least)
			return nil
		}
	}
}

const (
	// largeBody is the size of bodies from which on records are deleted as soon as they
	// were read: with 100 KB, 10,000 calls are 2 GB, which the embedded broker keeps in
	// memory.
	largeBody = 10_000

	// manyCalls is for how many calls of a burst the same is done.
	manyCalls = 100_000
)

// order has the clients make so many calls together, and returns how long that took
// and the values of the first.
func (t *team) order(ctx context.Context, calls int) (took time.Duration, values []float64, err error) {
	reports := make([]*report, len(t.clients))
	errs := make([]error, len(t.clients))
	var working sync.WaitGroup
	for i, c := range t.clients {
		working.Go(func() { reports[i], errs[i] = c.do(order{Count: calls / len(t.clients)}) })
	}
	working.Wait()
	if err := errors.Join(errs...); err != nil {
		return 0, nil, err
	}
	for _, r := range reports {
		took = max(took, r.Took)
	}
	if w := &t.bench.work; w.size >= largeBody || w.gated && w.inflight >= manyCalls {
		err = deleteRecords(ctx, t.bench.setup.Brokers, t.bench.setup.Prefix)
	}
	return took, reports[0].Values, err
}

// round has the team do its work once.
func (t *team) round(ctx context.Context, count int) (sample, error) {
	w := &t.bench.work
	if w.restarts() {
		return t.restart(ctx, count)
	}
	before, err := t.usage()
	if err != nil {
		return sample{}, err
	}
	took, values, err := t.order(ctx, count)
	if err != nil {
		return sample{}, err
	}
	after, err := t.usage()
	if err != nil {
		return sample{}, err
	}
	s := sample{
		values: values,
		units:  count * w.answers,
		client: after[0].since(before[0]),
		server: after[1].since(before[1]),
	}
	if w.units != nil {
		s.units = w.units(count)
	}
	if w.values != nil {
		s.values = w.values(&s, took)
	}
	return s, nil
}

// usage returns what the clients and the servers have used.
func (t *team) usage() (u [2]usage, err error) {
	for i, processes := range [2][]*process{t.clients, t.servers} {
		for _, p := range processes {
			r, err := p.do(order{})
			if err != nil {
				return u, err
			}
			u[i] = u[i].plus(r.Usage)
		}
	}
	return u, nil
}

// restart starts the client anew and measures how long it takes until it has its
// first response.
func (t *team) restart(ctx context.Context, count int) (sample, error) {
	s := sample{units: count}
	var took []time.Duration
	for range count {
		for _, p := range t.clients {
			t.clients = nil
			if err := p.stop(); err != nil {
				return s, err
			}
		}
		before, err := t.servers[0].do(order{})
		if err != nil {
			return s, err
		}
		began := time.Now()
		p, ready, err := start(ctx, t.member(client, 0), t.bench.stderr)
		if err != nil {
			return s, err
		}
		took = append(took, time.Since(began))
		t.clients = []*process{p}
		after, err := t.servers[0].do(order{})
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

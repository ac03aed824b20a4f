package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/asynccalls/asynccalls"
)

const (
	neighborKeys = 1000
	strangeEvery = 500 // requests of the others come behind each one of the strange key
)

// neighbors handles requests of many keys beside those of a strange one, all in
// one partition, and counts the others only. The handler of the strange key
// fails, panics, or does not return, or its caller has no topic for responses any
// more (gone). The floor is a service in which nothing is strange (healthy).
//
// The window is as large as the log. With its default a partition is paused when
// 10,000 records are behind one that is stuck, which is meant to be so.
func neighbors() work {
	const requests = 100_000
	n := neighborhood{keys: neighborKeys}
	return work{
		name:    "neighbors",
		limits:  asynccalls.Limits{Window: 2 * requests, WindowBytes: 1 << 30},
		figures: []figure{{"others", "1/s", goal{least: 0.9}}},
		drain: &drain{
			requests:   requests,
			partitions: 1,
			services:   []string{"server", "lonely"},
			publish:    n.publish,
			variants: []variant{
				{"healthy", n.beside("server", healthy)},
				{"error", n.beside("server", failing)},
				{"panic", n.beside("server", panicking)},
				{"stuck", n.beside("server", stuck)},
				{"gone", n.beside("lonely", healthy)},
			},
			note: n.note,
		},
	}
}

type neighborhood struct{ keys int } // of the others

func (n neighborhood) note(seed uint64, count int) string {
	return fmt.Sprintf("-seed %d; %d requests of %d keys, and %d of a strange one",
		seed, count, n.keys, strangers(count))
}

// strangers is how many requests the strange key has.
func strangers(count int) int { return (count + strangeEvery - 1) / strangeEvery }

// publish fills two logs: in that of the server the strange requests come from a
// caller whose topic for responses is there, in the other one from one whose
// topic is deleted afterwards.
func (n neighborhood) publish(ctx context.Context, s *setup, count int) error {
	all := tickets(drawKeys(s.Seed, count, n.keys))
	client, err := openSender(s, "client") //nolint:contextcheck // it does no I/O
	if err != nil {
		return err
	}
	gone, err := openSender(s, "gone") //nolint:contextcheck // it does no I/O
	if err != nil {
		return errors.Join(err, client.close())
	}
	err = errors.Join(
		n.fill(ctx, "server", all, client, client),
		n.fill(ctx, "lonely", all, client, gone),
		client.close(), gone.close(),
	)
	return errors.Join(err, deleteTopics(ctx, s.Brokers, s.Prefix+"gone."))
}

// fill sends the requests of a log: those of the others from one sender, those of
// the strange key from another.
func (n neighborhood) fill(ctx context.Context, service string, all []ticket, others, strange *sender) error {
	for place := uint32(0); len(all) > 0; place++ {
		batch := all[:min(strangeEvery, len(all))]
		all = all[len(batch):]
		requests := make([]*asynccalls.Request, len(batch))
		for i, t := range batch {
			requests[i] = t.request(service, "/other")
		}
		one := ticket{uint32(n.keys), place}.request(service, "/strange") //nolint:gosec // the works are small
		if err := strange.service.Send(ctx, one); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		if err := others.service.Send(ctx, requests...); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
	}
	return nil
}

// behavior makes the handler of the strange key. others is closed when all others
// were handled.
type behavior func(others <-chan struct{}) asynccalls.Handler

func healthy(<-chan struct{}) asynccalls.Handler { return answer(1) }

func failing(<-chan struct{}) asynccalls.Handler {
	return func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
		return errors.New("poison")
	}
}

func panicking(<-chan struct{}) asynccalls.Handler {
	return func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
		panic("poison") //nolint:forbidigo // what a service makes of it is measured
	}
}

func stuck(others <-chan struct{}) asynccalls.Handler {
	return func(ctx context.Context, _ asynccalls.ResponseWriter, _ *asynccalls.Request) error {
		select {
		case <-others:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// beside returns a variant in which a service handles its log.
func (n neighborhood) beside(
	id string, strange behavior,
) func(context.Context, *setup, int) ([]float64, error) {
	return func(ctx context.Context, s *setup, count int) ([]float64, error) {
		m, w := newMeter(count), newWatch(n.keys+1)
		echo := answer(1)
		other := func(ctx context.Context, rw asynccalls.ResponseWriter, r *asynccalls.Request) error {
			m.begin()
			defer m.end()
			t, err := readTicket(r.Body)
			if err != nil {
				return err
			}
			w.begin(t)
			defer w.end(t)
			return echo(ctx, rw, r)
		}
		svc := service{
			id:       id,
			handlers: map[string]asynccalls.Handler{"/other": other, "/strange": strange(m.done)},
			retry:    asynccalls.Retry{Attempts: 1}, // so that it is over while it is measured
		}
		err := svc.serveUntil(ctx, s, m)
		if err == nil && w.broken.Load() > 0 {
			err = fmt.Errorf("the order of keys was broken %d times", w.broken.Load())
		}
		if err != nil {
			return nil, err
		}
		return []float64{m.perSecond()}, nil
	}
}

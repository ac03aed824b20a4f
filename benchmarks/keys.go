package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/asynccalls/asynccalls"
)

const (
	keyedWait   = 5 * time.Millisecond // of a handler
	concurrency = 256                  // handlers at a time, the default of asynccalls
	drawnKeys   = 1000
)

// keyed is a work whose requests have keys drawn at random, and whose handler
// waits without using the CPU. All requests are in one partition, so what runs in
// parallel is up to the service. Its floor does no more than wait as often.
type keyed struct{ keys, parallel int }

// many handles requests of many keys.
func many() work {
	k := keyed{keys: drawnKeys, parallel: concurrency}
	return k.work("keys", 20_000, 1.1)
}

// oneKey handles requests of one key, one after the other.
func oneKey() work {
	k := keyed{keys: 1, parallel: 1}
	return k.work("onekey", 400, 1.05)
}

func (k keyed) work(name string, requests int, most float64) work {
	return work{
		name: name,
		figures: []figure{
			{"all, to 5 ms each", "ms", goal{most: most}},
			{"all, to plain waits", "ms", goal{most: most}},
			{"order broken", "times", goal{never: true}},
		},
		drain: &drain{
			requests:   requests,
			partitions: 1,
			services:   []string{"server"},
			publish:    k.publish,
			variants:   []variant{{"waits", k.wait}, {"asynccalls", k.serve}},
			note:       k.note,
		},
	}
}

// note names the seed and the other bound that a draw has: no key can be done
// sooner than all of its requests one after the other.
func (k keyed) note(seed uint64, count int) string {
	if k.keys == 1 {
		return fmt.Sprintf("%d requests", count)
	}
	most := busiest(drawKeys(seed, count, k.keys))
	return fmt.Sprintf("-seed %d; %d requests, %v at best; the busiest of %d keys has %d, which take %v",
		seed, count, k.ideal(count), k.keys, most, time.Duration(most)*keyedWait)
}

// ideal is the time that count requests take if all places are always taken.
func (k keyed) ideal(count int) time.Duration {
	return time.Duration(count) * keyedWait / time.Duration(k.parallel)
}

func (k keyed) publish(ctx context.Context, s *setup, count int) error {
	all := tickets(drawKeys(s.Seed, count, k.keys))
	return notify(ctx, s, count, func(i int) *asynccalls.Request {
		return all[i].request("server", "/wait")
	})
}

// wait is the floor: as many waits, as many at a time, and no Kafka. It returns
// what they should take, and what they take on this machine as it is now.
func (k keyed) wait(_ context.Context, _ *setup, count int) ([]float64, error) {
	m := newMeter(count)
	turns := make(chan struct{}, count)
	for range count {
		turns <- struct{}{}
	}
	close(turns)
	var waiting sync.WaitGroup
	for range k.parallel {
		waiting.Go(func() {
			for range turns {
				m.begin()
				<-time.After(keyedWait)
				m.end()
			}
		})
	}
	waiting.Wait()
	return []float64{milliseconds(k.ideal(count)), milliseconds(m.took()), 0}, nil
}

func (k keyed) serve(ctx context.Context, s *setup, count int) ([]float64, error) {
	m, w := newMeter(count), newWatch(k.keys)
	handler := func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
		m.begin()
		defer m.end()
		t, err := readTicket(r.Body)
		if err != nil {
			return err
		}
		w.begin(t)
		<-time.After(keyedWait)
		w.end(t)
		return nil
	}
	svc := service{id: "server", handlers: map[string]asynccalls.Handler{"/wait": handler}}
	if err := svc.serveUntil(ctx, s, m); err != nil {
		return nil, err
	}
	took := milliseconds(m.took())
	return []float64{took, took, float64(w.broken.Load())}, nil
}

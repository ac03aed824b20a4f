package main

import (
	"context"
	"fmt"
	"testing"

	"github.com/asynccalls/asynccalls/embedded"
)

// small returns a work with less to do.
func small(t *testing.T, w work, requests int) work {
	t.Helper()
	if w.drain == nil {
		t.Fatalf("work %s has no requests that wait", w.name)
	}
	w.drain.requests = requests
	return w
}

func TestDrains(t *testing.T) {
	t.Parallel()
	p := plan{rounds: 1, limit: orderLimit, seed: 1}
	for _, w := range []work{
		small(t, many(), 1000), small(t, oneKey(), 10), small(t, backlog(), 3000), small(t, neighbors(), 1200),
	} {
		var progress log
		results, _, err := p.measure(t.Context(), w, &progress)
		if err != nil {
			t.Fatalf("%s: %v\n%s", w.name, err, &progress)
		}
		if want := len(w.figures) * (len(w.drain.variants) - 1); len(results) != want {
			t.Errorf("%s has %d results, want %d", w.name, len(results), want)
		}
		for _, r := range results {
			if never := r.Goal == "never"; never != (r.Ours.Median == 0) || never != (r.Floor.Median == 0) {
				t.Errorf("%s measured %g and %g of %q, which is to be %q",
					r.Work, r.Floor.Median, r.Ours.Median, r.Figure, r.Goal)
			}
		}
	}
}

// TestNeighborsAreStrange tells by the dead letters that the strange requests go
// wrong as they are meant to, and all others go well. The service ends with the
// last of the others, so that some of the strange ones may not have been handled, or
// none if it takes longer to learn that their topic is gone: then there are more.
func TestNeighborsAreStrange(t *testing.T) {
	t.Parallel()
	const count, most = 12_000, 8 * 12_000
	dead := map[string]bool{"error": true, "panic": true, "gone": true}
	w := small(t, neighbors(), count)
	b, err := embedded.Start(embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	for _, v := range w.drain.variants {
		n := count
		got := deadOf(t, b, &w, v, n)
		for got == 0 && dead[v.name] && n < most {
			n *= 2
			got = deadOf(t, b, &w, v, n)
		}
		if most := int64(strangers(n)); got > most || dead[v.name] != (got > 0) {
			t.Errorf("%s: got %d dead letters, want up to %d: %t", v.name, got, most, dead[v.name])
		}
	}
}

// deadOf returns how many dead letters there are when so many others were handled.
func deadOf(t *testing.T, b *embedded.Broker, w *work, v variant, count int) int64 {
	t.Helper()
	s := &setup{
		Work: w.name, Brokers: []string{b.Addr()}, Prefix: fmt.Sprintf("%s.%d.", v.name, count), Seed: 1,
		requests: new(requests),
	}
	if err := createLogs(t.Context(), s, w.drain); err != nil {
		t.Fatal(err)
	}
	if err := w.drain.publish(t.Context(), s, count); err != nil {
		t.Fatal(err)
	}
	if _, err := v.run(t.Context(), s, count); err != nil {
		t.Fatalf("%s: %v", v.name, err)
	}
	return recordsIn(t, s, "server.dead") + recordsIn(t, s, "lonely.dead")
}

// recordsIn returns how many records a topic has, which need not exist.
func recordsIn(t *testing.T, s *setup, topic string) int64 {
	t.Helper()
	return offsets(t, s, s.Prefix+topic)()
}

func TestMeterSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	m := newMeter(2)
	m.begin()
	m.end()
	cancel()
	err := m.wait(ctx, nil)
	if want := "1 of 2 requests were handled: context canceled"; err == nil || err.Error() != want {
		t.Errorf("got error %v, want %q", err, want)
	}
	m.end()
	if err := m.wait(t.Context(), nil); err != nil || !m.over() || m.took() <= 0 {
		t.Errorf("got error %v, over %t, after %v; want none, true and some time", err, m.over(), m.took())
	}
}

package main

import (
	"slices"
	"testing"
	"time"
)

func TestDrawKeys(t *testing.T) {
	t.Parallel()
	drawn := drawKeys(7, 1000, 10)
	if !slices.Equal(drawn, drawKeys(7, 1000, 10)) {
		t.Error("the same seed gave other keys")
	}
	if slices.Equal(drawn, drawKeys(8, 1000, 10)) {
		t.Error("another seed gave the same keys")
	}
	if most := busiest([]int{1, 0, 1, 2, 1}); most != 3 {
		t.Errorf("the busiest key has %d requests, want 3", most)
	}
	want := []ticket{{1, 0}, {0, 0}, {1, 1}, {2, 0}, {1, 2}}
	if got := tickets([]int{1, 0, 1, 2, 1}); !slices.Equal(got, want) {
		t.Errorf("got tickets %v, want %v", got, want)
	}
}

func TestTicket(t *testing.T) {
	t.Parallel()
	want := ticket{3, 70_000}
	r := want.request("server", "/wait")
	if got, err := readTicket(r.Body); err != nil || got != want || r.Key != "key-3" {
		t.Errorf("got ticket %v and key %q (%v), want %v and %q", got, r.Key, err, want, "key-3")
	}
	if _, err := readTicket(r.Body[1:]); err == nil {
		t.Error("a body that is too short was read, want an error")
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	type step struct {
		ticket ticket
		end    bool
	}
	begin := func(key, place uint32) step { return step{ticket{key, place}, false} }
	end := func(key, place uint32) step { return step{ticket{key, place}, true} }
	tests := map[string]struct {
		steps []step
		want  int64
	}{
		"in order":     {[]step{begin(0, 0), end(0, 0), begin(0, 1), end(0, 1)}, 0},
		"other keys":   {[]step{begin(0, 0), begin(1, 0), end(1, 0), end(0, 0), begin(1, 1)}, 0},
		"beside":       {[]step{begin(0, 0), begin(0, 1)}, 1},
		"both":         {[]step{begin(0, 0), begin(0, 2)}, 1},
		"skipped":      {[]step{begin(0, 1), end(0, 1)}, 1},
		"turned round": {[]step{begin(0, 1), end(0, 1), begin(0, 0), end(0, 0)}, 2},
		"twice":        {[]step{begin(0, 0), end(0, 0), begin(0, 0), end(0, 0)}, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWatch(2)
			for _, s := range tt.steps {
				if s.end {
					w.end(s.ticket)
				} else {
					w.begin(s.ticket)
				}
			}
			if got := w.broken.Load(); got != tt.want {
				t.Errorf("order was broken %d times, want %d", got, tt.want)
			}
		})
	}
}

func TestKeyedIdeal(t *testing.T) {
	t.Parallel()
	k := keyed{keys: drawnKeys, parallel: concurrency}
	if got, want := k.ideal(20_000), 390_625*time.Microsecond; got != want {
		t.Errorf("ideal is %v, want %v", got, want)
	}
}

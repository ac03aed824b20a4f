package main

import (
	"testing"

	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/examples/shop/orders"
)

// TestSameEachTime plays the same scenario many times and compares all that was sent to
// the byte.
func TestSameEachTime(t *testing.T) {
	t.Parallel()
	var first string
	for range 25 {
		asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
			atOnce(t, open(b))
			if first == "" {
				first = b.Transcript()
			}
			if got := b.Transcript(); got != first {
				t.Errorf("this time\n%s\nthe first time\n%s", got, first)
			}
		})
	}
}

// TestExplore has all go wrong that can in one step, and some in two, while two orders want
// the last mugs.
func TestExplore(t *testing.T) {
	t.Parallel()
	asynccallstest.Explore(t, asynccallstest.Bound{Schedules: 40}, func(t testing.TB, b *asynccallstest.Broker) {
		s := open(b)
		if err := b.Client().Notify(t.Context(), place("o1", "ann", 2), place("o2", "ann", 2)); err != nil {
			t.Fatal(err)
		}
		b.Wait()
		n := s.shipped(t, "o1") + s.shipped(t, "o2")
		if n > 1 {
			t.Error("both were shipped, and there are only mugs for one")
		}
		s.has(t, 3-2*n, 100-30*n)
	})
}

// shipped returns 1 if an order was shipped, and 0 if it was canceled; it fails the test if
// it has not come to its end. An order that was never begun counts as canceled.
func (s *shop) shipped(t testing.TB, id string) int {
	t.Helper()
	got, err := s.placed.Status(id)
	switch {
	case got.State == orders.Shipped:
		return 1
	case err == nil && got.State != orders.Canceled:
		t.Errorf("order %s is %q, want shipped or canceled", id, got.State)
	}
	return 0
}

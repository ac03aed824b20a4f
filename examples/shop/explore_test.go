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
		s.shippedOne(t)
	})
}

// shippedOne fails the test unless one of the orders o1 and o2 was shipped and paid, and
// nothing is left of the other.
func (s *shop) shippedOne(t testing.TB) {
	t.Helper()
	s.has(t, 1, 70)
	one, _ := s.placed.Status("o1")
	other, _ := s.placed.Status("o2")
	if states := one.State + other.State; states != orders.Shipped+orders.Canceled && states != orders.Canceled+orders.Shipped {
		t.Errorf("the orders are %q and %q, want one of them shipped and one canceled", one.State, other.State)
	}
}

package stock_test

import (
	"testing"

	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/examples/shop/stock"
)

// TestCrash has all be handled again that was handled already: nothing was committed.
func TestCrash(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		endpoints []string // each for two mugs
		left      int
	}{
		"reserved":                  {[]string{"/reserve/o1"}, 1},
		"reserved and released":     {[]string{"/reserve/o1", "/release/o1"}, 3},
		"reserved by two":           {[]string{"/reserve/o1", "/reserve/o2"}, 1},
		"reserved after a delivery": {[]string{"/deliver/d1", "/reserve/o1"}, 3},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			with(t, func(t testing.TB, s *fixture) { s.crash(t, tt.endpoints, tt.left) })
		})
	}
}

func (s *fixture) crash(t testing.TB, endpoints []string, left int) {
	t.Helper()
	for _, endpoint := range endpoints {
		s.Call(about(endpoint, 2))
	}
	s.Crash()
	s.b.Wait()
	s.has(t, left)
}

func TestCrashAfterShip(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		s.Call(about("/reserve/o1", 2))
		s.Call(about("/ship/o1", 2))
		s.Crash()
		answers(t, s.Call(about("/ship/o1", 2)), stock.Parcel{Number: 1})
	})
}

func TestRestart(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		s.Call(about("/reserve/o1", 2))
		s.Restart()
		answers(t, s.Send(about("/release/o1", 2)), mugs(2))
		s.has(t, 3)
	})
}

// TestExplore has all go wrong that can in two steps, while an order is reserved and
// released.
func TestExplore(t *testing.T) {
	t.Parallel()
	bound := asynccallstest.Bound{Schedules: 50}
	asynccallstest.Explore(t, bound, func(t testing.TB, b *asynccallstest.Broker) {
		s := start(b)
		if err := b.Client().Notify(t.Context(), about("/reserve/o1", 2), about("/release/o1", 2)); err != nil {
			t.Fatal(err)
		}
		b.Wait()
		s.has(t, 3)
	})
}

package orders_test

import (
	"context"
	"testing"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/examples/shop/internal/message"
	"github.com/asynccalls/asynccalls/examples/shop/orders"
)

// crashing returns a handler that has the service crash the first time before it does its
// work.
func crashing(s **fixture, then asynccalls.Handler) asynccalls.Handler {
	return firstly(func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
		(*s).Crash()
		return then(ctx, w, r)
	}, then)
}

// TestCrash has the service crash while others work for it: who waits gets each response
// once.
func TestCrash(t *testing.T) {
	t.Parallel()
	parcel := script(`{"number":7}`)
	tests := map[string]func(s **fixture) others{
		"while it reserves": func(s **fixture) others { return others{reserve: crashing(s, script(items))} },
		"while it charges":  func(s **fixture) others { return others{charge: crashing(s, script(receipt))} },
		"while it ships":    func(s **fixture) others { return others{ship: crashing(s, parcel)} },
	}
	for name, others := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s *fixture
			with(t, others(&s), func(t testing.TB, f *fixture) {
				s = f
				gets(t, s.Call(place("o1")), 3, 200)
				s.is(t, orders.Shipped, "")
			})
		})
	}
}

// TestCrashOfRefused has the service crash when it has recorded that an order was refused:
// who got some responses of the first process gets the rest of the second.
func TestCrashOfRefused(t *testing.T) {
	t.Parallel()
	with(t, others{charge: refuse(402)}, func(t testing.TB, s *fixture) {
		gets(t, s.Call(place("o1")), 1, 402)
		s.Crash()
		gets(t, s.Call(place("o1")), 1, 402)
		s.is(t, orders.Canceled, "")
	})
}

// TestCrashBeforeRefused has the service crash when its customer knows that the items are
// reserved, and record that again.
func TestCrashBeforeRefused(t *testing.T) {
	t.Parallel()
	var s *fixture
	with(t, others{charge: crashing(&s, refuse(402))}, func(t testing.TB, f *fixture) {
		s = f
		for range 2 { // the second time it is answered from the database
			gets(t, s.Call(place("o1")), 1, 402)
		}
		s.is(t, orders.Canceled, "")
	})
}

func TestCrashAfterShipping(t *testing.T) {
	t.Parallel()
	with(t, others{}, func(t testing.TB, s *fixture) {
		s.Call(place("o1"))
		s.Crash()
		s.asks(t, reserve(), charge(), ship(), reserve(), charge(), ship())
		s.is(t, orders.Shipped, "")
	})
}

// TestCrashWhileUndoing has the service crash before it learns that the items were
// released.
func TestCrashWhileUndoing(t *testing.T) {
	t.Parallel()
	var s *fixture
	o := others{charge: refuse(402), release: crashing(&s, script(items))}
	with(t, o, func(t testing.TB, f *fixture) {
		s = f
		s.Call(place("o1"))
		s.is(t, orders.Canceled, "")
	})
}

func TestRestart(t *testing.T) {
	t.Parallel()
	with(t, others{charge: refuse(503)}, func(t testing.TB, s *fixture) {
		s.Call(place("o1"))
		s.Restart()
		s.is(t, orders.Canceled, "")
	})
}

// TestExplore has all go wrong that can in one step, and some in two: an order that is
// refused is undone, and who placed it learns that it failed.
func TestExplore(t *testing.T) {
	t.Parallel()
	bound := asynccallstest.Bound{Schedules: 50}
	asynccallstest.Explore(t, bound, func(t testing.TB, b *asynccallstest.Broker) {
		s := start(b, others{charge: refuse(402)})
		if got := s.Send(place("o1")); message.Status(got.Err) < 400 {
			t.Errorf("the order ended with %v, want a failure", got.Err)
		}
		s.is(t, orders.Canceled, "")
	})
}

package orders_test

import (
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/examples/shop/orders"
)

// TestSent looks at all that is sent for an order. That it is to be settled is said before
// anything happens.
func TestSent(t *testing.T) {
	t.Parallel()
	with(t, others{}, func(t testing.TB, s *fixture) {
		got := s.Call(place("o1"))
		asynccallstest.Equal(t, got.Sent, settle(), reserve(), charge(), ship())
	})
}

// TestSentIfSoldOut has nothing undone: nothing was done.
func TestSentIfSoldOut(t *testing.T) {
	t.Parallel()
	with(t, others{reserve: refuse(409)}, func(t testing.TB, s *fixture) {
		s.Call(place("o1"))
		s.asks(t, reserve())
	})
}

func TestSentIfPaymentIsRefused(t *testing.T) {
	t.Parallel()
	with(t, others{charge: refuse(402)}, func(t testing.TB, s *fixture) {
		s.Call(place("o1"))
		s.asks(t, reserve(), charge(), release())
	})
}

func TestSentIfShippingIsRefused(t *testing.T) {
	t.Parallel()
	with(t, others{ship: refuse(409)}, func(t testing.TB, s *fixture) {
		s.Call(place("o1"))
		s.asks(t, reserve(), charge(), ship(), release(), refund())
	})
}

// TestSentIfUnknown has all undone if nobody knows what was done.
func TestSentIfUnknown(t *testing.T) {
	t.Parallel()
	with(t, others{charge: refuse(503)}, func(t testing.TB, s *fixture) {
		gets(t, s.Call(place("o1")), 1, 503)
		s.asks(t, reserve(), charge(), release(), refund())
		s.is(t, orders.Canceled, "")
	})
}

// TestSentIfPaid has an order shipped that is paid, though the call has failed.
func TestSentIfPaid(t *testing.T) {
	t.Parallel()
	with(t, others{ship: firstly(refuse(503), asynccallstest.Script(`{"number":7}`))}, func(t testing.TB, s *fixture) {
		gets(t, s.Call(place("o1")), 2, 503)
		s.asks(t, reserve(), charge(), ship(), ship())
		s.is(t, orders.Shipped, "")
	})
}

// TestOthersLearnTheTimeLeft has a caller wait for 10 s, of which the stock takes 4.
func TestOthersLearnTheTimeLeft(t *testing.T) {
	t.Parallel()
	with(t, others{reserve: asynccallstest.Script(4*time.Second, items)}, func(t testing.TB, s *fixture) {
		s.buy(t, "o1", 10*time.Second)
		reserved, charged := s.stock.Received()[0].TTL, s.payments.Received()[0].TTL
		if reserved.Round(time.Second) != 10*time.Second || charged.Round(time.Second) != 6*time.Second {
			t.Errorf("the stock has %v, payments have %v; want 10s and 6s", reserved, charged)
		}
	})
}

// TestSentInOrderOfKeys has two orders of one article, and looks at the keys.
func TestSentInOrderOfKeys(t *testing.T) {
	t.Parallel()
	with(t, others{}, func(t testing.TB, s *fixture) {
		s.Call(place("o1"))
		s.Call(place("o2"))
		var keys string
		for _, r := range append(s.stock.Received(), s.payments.Received()...) {
			keys += r.Key + " "
		}
		if want := "mugs mugs mugs mugs o1 o2 "; keys != want {
			t.Errorf("the keys are %q, want %q", keys, want)
		}
	})
}

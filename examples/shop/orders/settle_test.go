package orders_test

import (
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/examples/shop/orders"
)

// TestSettleOfShipped has nothing left to do.
func TestSettleOfShipped(t *testing.T) {
	t.Parallel()
	with(t, others{}, func(t testing.TB, s *fixture) {
		s.Call(place("o1"))
		got := s.Call(settle())
		asynccallstest.Equal(t, got.Sent)
		knows(t, got, orders.Status{Order: mugs, State: orders.Shipped, Parcel: 7})
	})
}

func TestSettleOfUnknown(t *testing.T) {
	t.Parallel()
	with(t, others{}, func(t testing.TB, s *fixture) {
		if got := s.Notify(settle()); got.Verdict != asynccallstest.DeadLettered {
			t.Errorf("%v, want DeadLettered", got.Verdict)
		}
	})
}

// TestSettleWaits has an order be placed for 20 s: it is not settled before.
func TestSettleWaits(t *testing.T) {
	t.Parallel()
	with(t, others{charge: script(20*time.Second, receipt)}, func(t testing.TB, s *fixture) {
		s.b.Client().Notify(t.Context(), place("o1"))
		begun := time.Now()
		knows(t, s.Call(settle()), orders.Status{Order: mugs, State: orders.Shipped, Parcel: 7})
		if took := time.Since(begun).Round(time.Second); took != 20*time.Second {
			t.Errorf("settled after %v, want 20s", took)
		}
	})
}

// TestSettleAgain undoes again what nobody has confirmed, and nothing else.
func TestSettleAgain(t *testing.T) {
	t.Parallel()
	with(t, others{charge: refuse(503), refund: script(time.Minute, receipt)}, func(t testing.TB, s *fixture) {
		s.Call(place("o1"))
		s.Call(settle()) // at once, and then a second after
		<-time.After(time.Second)
		asynccallstest.Equal(t, s.Call(settle()).Sent, refund())
		s.b.Wait()
		asynccallstest.Equal(t, s.Call(settle()).Sent)
	})
}

// TestReleaseRefused has an order stay as it is, for people to look after.
func TestReleaseRefused(t *testing.T) {
	t.Parallel()
	with(t, others{charge: refuse(402), release: refuse(409)}, func(t testing.TB, s *fixture) {
		s.Call(place("o1"))
		s.is(t, orders.Canceling, "release: status 409: no")
	})
}

func TestRefundFails(t *testing.T) {
	t.Parallel()
	with(t, others{charge: refuse(503), refund: refuse(500)}, func(t testing.TB, s *fixture) {
		s.Call(place("o1"))
		s.is(t, orders.Canceling, "refund: status 500: no")
		asynccallstest.Equal(t, s.payments.DeadLetters(), refund())
	})
}

func TestShippingFails(t *testing.T) {
	t.Parallel()
	with(t, others{ship: refuse(500)}, func(t testing.TB, s *fixture) {
		gets(t, s.Call(place("o1")), 2, 500)
		s.is(t, orders.Paid, "ship: status 500: no")
		asynccallstest.Equal(t, s.stock.DeadLetters(), ship())
	})
}

// TestOver tells when an order has come to its end.
func TestOver(t *testing.T) {
	t.Parallel()
	with(t, others{charge: refuse(402), release: script(time.Minute, items)}, func(t testing.TB, s *fixture) {
		s.Call(place("o1"))
		begun := time.Now()
		over, err := s.db.Over("o1")
		if err != nil {
			t.Fatal(err)
		}
		<-over
		if took := time.Since(begun).Round(time.Second); took != time.Minute {
			t.Errorf("it was over after %v, want a minute", took)
		}
	})
}

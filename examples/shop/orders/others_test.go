package orders_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/examples/shop/orders"
)

// script is a short name in tables.
var script = asynccallstest.Script

// TestReserveAnswers has the stock answer in many ways. 0 is for a call that has ended by
// itself.
func TestReserveAnswers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		reserve   asynccalls.Handler
		n, status int
	}{
		"late, but in time":    {script(29*time.Second, items), 3, 200},
		"too late":             {script(31*time.Second, items), 0, 0},
		"never":                {script(asynccallstest.NoEnd), 0, 0},
		"without an end":       {script(items, asynccallstest.NoEnd), 0, 0},
		"with nothing":         {script(), 0, 500},
		"with two":             {script(items, items), 0, 500},
		"with one and fails":   {script(items, errors.New("broken")), 0, 500},
		"fails":                {script(errors.New("broken")), 0, 500},
		"is away":              {refuse(503), 0, 503},
		"with what is no JSON": {script("two mugs"), 0, 500},
		"with other JSON":      {script(`"two mugs"`), 0, 500},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			with(t, others{reserve: tt.reserve}, func(t testing.TB, s *fixture) {
				gets(t, s.Call(place("o1")), tt.n, tt.status)
			})
		})
	}
}

// TestDeadline has payments take their time: a customer who does not wait so long gets what
// there is, and the order is undone.
func TestDeadline(t *testing.T) {
	t.Parallel()
	with(t, others{charge: script(time.Minute, receipt)}, func(t testing.TB, s *fixture) {
		begun := time.Now()
		n, err := s.buy(t, "o1", 5*time.Second)
		took := time.Since(begun).Round(time.Millisecond)
		if n != 1 || !errors.Is(err, context.DeadlineExceeded) || took != 5*time.Second {
			t.Errorf("%d responses and %v after %v, want 1 and a deadline after 5s", n, err, took)
		}
		s.is(t, orders.Canceled, "")
	})
}

// TestCustomerLeaves has the customer leave when the items are reserved: the order goes on.
func TestCustomerLeaves(t *testing.T) {
	t.Parallel()
	with(t, others{charge: script(5*time.Second, receipt)}, func(t testing.TB, s *fixture) {
		for range s.b.Client().Call(t.Context(), place("o1")).Responses() {
			break
		}
		s.is(t, orders.Shipped, "")
	})
}

// TestDurableWaits has payments be away for a while: who does not wait is served later.
func TestDurableWaits(t *testing.T) {
	t.Parallel()
	with(t, others{charge: firstly(refuse(503), script(receipt))}, func(t testing.TB, s *fixture) {
		got := s.Send(place("o1"))
		if len(got.Responses) != 4 || got.Attempts != 2 || got.Verdict != asynccallstest.Done {
			t.Errorf("%v, %d responses after %d attempts; want Done, 4 after 2",
				got.Verdict, len(got.Responses), got.Attempts)
		}
		s.is(t, orders.Shipped, "")
	})
}

// TestDurableGivesUp has payments be away for long.
func TestDurableGivesUp(t *testing.T) {
	t.Parallel()
	with(t, others{charge: refuse(503)}, func(t testing.TB, s *fixture) {
		got := s.Send(place("o1"))
		if got.Attempts != 5 || got.Verdict != asynccallstest.DeadLettered {
			t.Errorf("%v after %d attempts, want DeadLettered after 5", got.Verdict, got.Attempts)
		}
		s.is(t, orders.Canceled, "")
	})
}

// TestNoStock has nobody run a stock yet: the order is undone when somebody does.
func TestNoStock(t *testing.T) {
	t.Parallel()
	asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
		s := alone(b)
		if got := s.Call(place("o1")); !errors.Is(got.Cause, asynccalls.ErrNoService) {
			t.Errorf("the handler ended with %v, want ErrNoService", got.Cause)
		}
		<-time.After(time.Hour)
		b.Fake("stock", others{}.stock)
		b.Fake("payments", others{}.payments)
		s.is(t, orders.Canceled, "")
	})
}

// TestOtherOrdersGoOn has one order wait for payments, and another not wait for it.
func TestOtherOrdersGoOn(t *testing.T) {
	t.Parallel()
	slow := firstly(script(20*time.Second, receipt), script(receipt))
	with(t, others{charge: slow}, func(t testing.TB, s *fixture) {
		s.b.Client().Notify(t.Context(), place("o1"))
		begun := time.Now()
		s.Call(place("o2"))
		s.Call(place("o3"))
		if took := time.Since(begun); took > time.Second {
			t.Errorf("the others took %v", took)
		}
		s.is(t, orders.Shipped, "")
	})
}

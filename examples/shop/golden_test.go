package main

import (
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/examples/shop/internal/message"
	"github.com/asynccalls/asynccalls/examples/shop/orders"
	"github.com/asynccalls/asynccalls/examples/shop/stock"
)

// TestGolden compares all that the services send and answer with files.
func TestGolden(t *testing.T) {
	t.Parallel()
	tests := map[string]func(testing.TB, *shop){
		"shipped": shipped, "refused": refused, "sold out": soldOut, "placed again": placedAgain, "durable": durable,
		"at once": atOnce, "delivered": delivered, "crash": crash, "restart": restart, "closed": closed,
	}
	for name, play := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
				play(t, open(b))
				b.Wait()
				golden(t, name, b.Transcript())
			})
		})
	}
}

func shipped(t testing.TB, s *shop) {
	s.orders.Call(place("o1", "ann", 2))
	s.has(t, 1, 70)
}

func refused(t testing.TB, s *shop) {
	s.orders.Call(place("o1", "bob", 2))
	s.b.Wait()
	s.is(t, "o1", orders.Canceled)
	s.has(t, 3, 100)
}

func soldOut(t testing.TB, s *shop) {
	s.orders.Call(place("o1", "ann", 2))
	s.orders.Call(place("o2", "ann", 2))
	s.is(t, "o2", orders.Canceled)
	s.has(t, 1, 70)
}

func placedAgain(t testing.TB, s *shop) {
	s.orders.Call(place("o1", "ann", 2))
	s.orders.Call(place("o1", "ann", 2))
	s.has(t, 1, 70)
}

func durable(t testing.TB, s *shop) {
	s.orders.Send(place("o1", "ann", 2))
	s.orders.Send(place("o2", "bob", 1))
	s.b.Wait()
	s.is(t, "o2", orders.Canceled)
	s.has(t, 1, 70)
}

// atOnce has four orders that are too much for the shelf, and too much for bob.
func atOnce(t testing.TB, s *shop) {
	err := s.b.Client().Notify(t.Context(),
		place("o1", "ann", 1), place("o2", "bob", 1), place("o3", "ann", 1), place("o4", "ann", 2))
	if err != nil {
		t.Error(err)
	}
	s.b.Wait()
	s.is(t, "o4", orders.Canceled)
	s.has(t, 1, 70)
}

// delivered has goods come in time for the second order.
func delivered(t testing.TB, s *shop) {
	s.orders.Call(place("o1", "ann", 3))
	s.stock.Notify(message.Request(stock.Service, "/deliver/d1", "mugs", stock.Items{Article: "mugs", Quantity: 5}))
	s.orders.Call(place("o2", "ann", 2))
	s.is(t, "o2", orders.Shipped)
	s.has(t, 3, 25)
}

// crash has each service crash when it has done its part.
func crash(t testing.TB, s *shop) {
	s.orders.Call(place("o1", "ann", 2))
	s.stock.Crash()
	s.payments.Crash()
	s.orders.Crash()
	s.b.Wait()
	s.is(t, "o1", orders.Shipped)
	s.has(t, 1, 70)
}

// restart has the service end while an order is being placed by one that does not wait.
func restart(t testing.TB, s *shop) {
	if err := s.b.Client().Notify(t.Context(), place("o1", "ann", 2)); err != nil {
		t.Error(err)
	}
	s.orders.Restart()
	s.b.Wait()
	s.is(t, "o1", orders.Shipped)
	s.has(t, 1, 70)
}

// closed has payments be away for as long as the customer waits.
func closed(t testing.TB, s *shop) {
	if err := s.payments.Service().Close(); err != nil {
		t.Error(err)
	}
	got := s.orders.Call(place("o1", "ann", 2))
	if len(got.Responses) != 1 || got.Err == nil {
		t.Errorf("%d responses and %v, want 1 and a deadline", len(got.Responses), got.Err)
	}
	<-time.After(time.Second)
	s.payments.Restart() // within the time by which clocks may differ: the charge is not too late
}

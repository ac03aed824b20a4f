package orders_test

import (
	"testing"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/examples/shop/internal/message"
	"github.com/asynccalls/asynccalls/examples/shop/orders"
)

func TestPlace(t *testing.T) {
	t.Parallel()
	with(t, others{}, func(t testing.TB, s *fixture) {
		gets(t, s.Call(place("o1")), 3, 200)
		s.is(t, orders.Shipped, "")
	})
}

// TestPlaceAgain has an order be answered as before, with the parcel of then.
func TestPlaceAgain(t *testing.T) {
	t.Parallel()
	with(t, others{}, func(t testing.TB, s *fixture) {
		for range 2 {
			gets(t, s.Call(place("o1")), 3, 200)
		}
	})
}

func TestPlaceDurable(t *testing.T) {
	t.Parallel()
	with(t, others{}, func(t testing.TB, s *fixture) {
		gets(t, s.Send(place("o1")), 3, 200)
		s.is(t, orders.Shipped, "")
	})
}

func TestPlaceOneWay(t *testing.T) {
	t.Parallel()
	with(t, others{}, func(t testing.TB, s *fixture) {
		gets(t, s.Notify(place("o1")), 0, 200)
		s.is(t, orders.Shipped, "")
	})
}

func TestPlaceInvalid(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ key, body string }{
		"no customer":   {"o1", `{"article":"mugs","quantity":2,"price":30}`},
		"no article":    {"o1", `{"customer":"ann","quantity":2,"price":30}`},
		"no quantity":   {"o1", `{"customer":"ann","article":"mugs","price":30}`},
		"no price":      {"o1", `{"customer":"ann","article":"mugs","quantity":2}`},
		"not JSON":      {"o1", `mugs`},
		"key of others": {"o2", `{"customer":"ann","article":"mugs","quantity":2,"price":30}`},
		"no key":        {"", `{"customer":"ann","article":"mugs","quantity":2,"price":30}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			with(t, others{}, func(t testing.TB, s *fixture) {
				r := asynccalls.NewRequest(orders.Service, "/place/o1", []byte(tt.body))
				r.Key = tt.key
				gets(t, s.Call(r), 0, 400)
				asynccallstest.Equal(t, s.Sent())
			})
		})
	}
}

func TestPlaceAnotherWithTheSameID(t *testing.T) {
	t.Parallel()
	with(t, others{}, func(t testing.TB, s *fixture) {
		s.Call(place("o1"))
		other := mugs
		other.Customer = "bob"
		got := s.Call(message.Request(orders.Service, "/place/o1", "o1", other))
		gets(t, got, 0, 409)
		asynccallstest.Equal(t, got.Sent)
	})
}

func TestPaymentRefused(t *testing.T) {
	t.Parallel()
	with(t, others{charge: refuse(402)}, func(t testing.TB, s *fixture) {
		gets(t, s.Call(place("o1")), 1, 402)
		s.is(t, orders.Canceled, "")
	})
}

// TestRefusedAgain has an order be answered as before, without that others are asked.
func TestRefusedAgain(t *testing.T) {
	t.Parallel()
	with(t, others{charge: refuse(402)}, func(t testing.TB, s *fixture) {
		s.Call(place("o1"))
		got := s.Call(place("o1"))
		gets(t, got, 1, 402)
		asynccallstest.Equal(t, got.Sent, release()) // for the first time
	})
}

func TestSoldOut(t *testing.T) {
	t.Parallel()
	with(t, others{reserve: refuse(409)}, func(t testing.TB, s *fixture) {
		got := s.Call(place("o1"))
		gets(t, got, 0, 409)
		if got.Verdict != asynccallstest.Failed || got.Attempts != 1 {
			t.Errorf("%v after %d attempts, want Failed after 1", got.Verdict, got.Attempts)
		}
		s.is(t, orders.Canceled, "")
	})
}

func TestStatus(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		others others
		want   orders.Status
	}{
		"shipped":  {others{}, orders.Status{Order: mugs, State: orders.Shipped, Parcel: 7}},
		"canceled": {others{charge: refuse(402)}, orders.Status{Order: mugs, State: orders.Canceled, Refusal: "status 402: no"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			with(t, tt.others, func(t testing.TB, s *fixture) {
				s.Call(place("o1"))
				s.b.Wait()
				knows(t, s.Call(message.Request(orders.Service, "/status/o1", "o1", nil)), tt.want)
			})
		})
	}
}

func TestStatusOfUnknown(t *testing.T) {
	t.Parallel()
	with(t, others{}, func(t testing.TB, s *fixture) {
		gets(t, s.Call(message.Request(orders.Service, "/status/o1", "o1", nil)), 0, 404)
	})
}

package stock_test

import (
	"testing"

	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/examples/shop/internal/message"
	"github.com/asynccalls/asynccalls/examples/shop/stock"
)

func TestShip(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		s.Call(about("/reserve/o1", 2))
		answers(t, s.Call(about("/ship/o1", 2)), stock.Parcel{Number: 1})
		s.has(t, 1)
	})
}

func TestShipAgain(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		for _, order := range []string{"o1", "o2"} {
			s.Call(about("/reserve/"+order, 1))
			s.Call(about("/ship/"+order, 1))
		}
		answers(t, s.Call(about("/ship/o1", 1)), stock.Parcel{Number: 1})
		answers(t, s.Call(about("/ship/o2", 1)), stock.Parcel{Number: 2})
	})
}

func TestShipRefused(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"nothing reserved":    nil,
		"reserved by another": {"/reserve/o2"},
		"released":            {"/reserve/o1", "/release/o1"},
		"not enough":          {"/reserve/o2", "/reserve/o1"},
	}
	for name, before := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			with(t, func(t testing.TB, s *fixture) {
				for _, endpoint := range before {
					s.Call(about(endpoint, 2))
				}
				refuses(t, s.Call(about("/ship/o1", 2)), 409)
			})
		})
	}
}

// TestReserveOfShipped has the orders service begin anew with an order that is shipped
// already.
func TestReserveOfShipped(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		s.Call(about("/reserve/o1", 2))
		s.Call(about("/ship/o1", 2))
		answers(t, s.Call(about("/reserve/o1", 2)), mugs(2))
		s.has(t, 1)
	})
}

func TestDeliver(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		for range 2 { // the second time it changes nothing
			if got := s.Notify(about("/deliver/d1", 10)); got.Verdict != asynccallstest.Done {
				t.Errorf("%v: %v, want Done", got.Verdict, got.Cause)
			}
		}
		s.Notify(about("/deliver/d2", 10))
		s.has(t, 23)
	})
}

func TestDeliverNewArticle(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		cups := stock.Items{Article: "cups", Quantity: 7}
		s.Notify(message.Request(stock.Service, "/deliver/d1", "cups", cups))
		got := s.Call(message.Request(stock.Service, "/level/cups", "cups", nil))
		if len(got.Responses) != 1 || string(got.Responses[0].Body) != "7" || !got.Responses[0].End {
			t.Errorf("got %v, %v; want one response, 7", got.Responses, got.Err)
		}
	})
}

func TestLevelOfUnknown(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		refuses(t, s.Call(message.Request(stock.Service, "/level/cups", "cups", nil)), 404)
	})
}

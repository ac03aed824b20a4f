package stock_test

import (
	"testing"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/examples/shop/internal/message"
	"github.com/asynccalls/asynccalls/examples/shop/stock"
)

func TestReserve(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		answers(t, s.Call(about("/reserve/o1", 2)), mugs(2))
		s.has(t, 1)
	})
}

func TestReserveTheLast(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		answers(t, s.Call(about("/reserve/o1", 3)), mugs(3))
		refuses(t, s.Call(about("/reserve/o2", 1)), 409)
		s.has(t, 0)
	})
}

func TestReserveTooMany(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		refuses(t, s.Call(about("/reserve/o1", 4)), 409)
		s.has(t, 3)
	})
}

func TestReserveAgain(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		for range 3 {
			answers(t, s.Call(about("/reserve/o1", 2)), mugs(2))
		}
		s.has(t, 1)
	})
}

func TestReserveAnotherQuantity(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		answers(t, s.Call(about("/reserve/o1", 1)), mugs(1))
		refuses(t, s.Call(about("/reserve/o1", 2)), 409)
		s.has(t, 2)
	})
}

func TestReserveStaysRefused(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		refuses(t, s.Call(about("/reserve/o1", 4)), 409)
		s.Notify(about("/deliver/d1", 10))
		refuses(t, s.Call(about("/reserve/o1", 4)), 409)
		s.has(t, 13)
	})
}

func TestReserveUnknownArticle(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		cups := stock.Items{Article: "cups", Quantity: 1}
		refuses(t, s.Call(message.Request(stock.Service, "/reserve/o1", "cups", cups)), 409)
	})
}

func TestReserveInvalid(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"no quantity":       `{"article":"mugs"}`,
		"negative quantity": `{"article":"mugs","quantity":-1}`,
		"no article":        `{"quantity":1}`,
		"of another type":   `["mugs",1]`,
		"not JSON":          `mugs, please`,
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			with(t, func(t testing.TB, s *fixture) {
				refuses(t, s.Call(asynccalls.NewRequest(stock.Service, "/reserve/o1", []byte(body))), 400)
				s.has(t, 3)
			})
		})
	}
}

func TestReserveDurable(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		answers(t, s.Send(about("/reserve/o1", 2)), mugs(2))
		refuses(t, s.Send(about("/reserve/o2", 2)), 409) // not tried again
		s.has(t, 1)
	})
}

func TestReserveOneWay(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		got := s.Notify(about("/reserve/o1", 2))
		if got.Verdict != asynccallstest.Done || len(got.Responses) > 0 {
			t.Errorf("%v with %d responses, want Done without any", got.Verdict, len(got.Responses))
		}
		s.has(t, 1)
	})
}

// TestReserveOneWayRefused has a request refused that nobody waits for: people are to
// look at it.
func TestReserveOneWayRefused(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		got := s.Notify(about("/reserve/o1", 4))
		if got.Verdict != asynccallstest.DeadLettered || got.Attempts != 1 {
			t.Errorf("%v after %d attempts, want DeadLettered after 1", got.Verdict, got.Attempts)
		}
		asynccallstest.Equal(t, s.DeadLetters(), about("/reserve/o1", 4))
	})
}

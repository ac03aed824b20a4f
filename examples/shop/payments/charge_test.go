package payments_test

import (
	"testing"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/examples/shop/internal/message"
	"github.com/asynccalls/asynccalls/examples/shop/payments"
)

func TestCharge(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		moves(t, s.Call(charge("o1", 30)), 30)
		moves(t, s.Call(charge("o2", 70)), 70) // all that is left
		s.has(t, 0)
	})
}

func TestChargeTooMuch(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		refuses(t, s.Call(charge("o1", 101)), 402)
		s.has(t, 100)
	})
}

func TestChargeAgain(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		for range 3 {
			moves(t, s.Call(charge("o1", 60)), 60)
		}
		s.has(t, 40)
	})
}

// TestChargeStaysRefused has money come back that would have been enough for an order that
// was refused.
func TestChargeStaysRefused(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		s.Call(charge("o1", 60))
		refuses(t, s.Call(charge("o2", 60)), 402)
		s.Call(refund("o1"))
		refuses(t, s.Call(charge("o2", 60)), 402)
		s.has(t, 100)
	})
}

func TestChargeAnotherAmount(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		moves(t, s.Call(charge("o1", 30)), 30)
		refuses(t, s.Call(charge("o1", 31)), 402)
		s.has(t, 70)
	})
}

func TestChargeStranger(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		zed := payments.Charge{Customer: "zed", Amount: 1}
		refuses(t, s.Call(message.Request(payments.Service, "/charge/o1", "o1", zed)), 402)
	})
}

func TestChargeInvalid(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"nothing": `{"customer":"ann"}`, "less than nothing": `{"customer":"ann","amount":-1}`, "not JSON": `30`,
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			with(t, func(t testing.TB, s *fixture) {
				refuses(t, s.Call(asynccalls.NewRequest(payments.Service, "/charge/o1", []byte(body))), 400)
				s.has(t, 100)
			})
		})
	}
}

func TestChargeDurable(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		moves(t, s.Send(charge("o1", 60)), 60)
		refuses(t, s.Send(charge("o2", 60)), 402) // not tried again
		asynccallstest.Equal(t, s.DeadLetters())
	})
}

func TestRefund(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		s.Call(charge("o1", 60))
		for range 2 { // the second time it changes nothing
			moves(t, s.Send(refund("o1")), 60)
			s.has(t, 100)
		}
		refuses(t, s.Call(charge("o1", 60)), 402)
	})
}

// TestRefundComesFirst has a charge come after all that was to be undone.
func TestRefundComesFirst(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		moves(t, s.Send(refund("o1")), 0)
		refuses(t, s.Call(charge("o1", 60)), 402)
		s.has(t, 100)
	})
}

func TestRefundOfRefused(t *testing.T) {
	t.Parallel()
	with(t, func(t testing.TB, s *fixture) {
		s.Call(charge("o1", 101))
		moves(t, s.Send(refund("o1")), 0)
		s.has(t, 100)
	})
}

package warstories

import (
	"context"

	"github.com/asynccalls/asynccalls"
)

// Cards is a provider that charges credit cards.
type Cards interface {
	// Charge takes money. What has the same key is charged once; what has none is
	// charged each time.
	Charge(ctx context.Context, key string, cents int) error
}

// ChargeAgain has a service charge the card for an order.
//
// In production: a process was cut off from the broker, later another one crashed,
// after it had charged cards and before it had committed the requests. They were
// delivered again, and those customers paid twice.
func ChargeAgain(s *asynccalls.Service, cards Cards) {
	pay := func(ctx context.Context, _ asynccalls.ResponseWriter, _ *asynccalls.Request) error {
		return cards.Charge(ctx, "", 4000)
	}
	s.Handle("/orders/{id}/pay", pay)
}

// ChargeOnce is the fix. It holds because the key comes from what is paid for: it is
// the same however often the request is delivered, and even if somebody sends it
// twice.
func ChargeOnce(s *asynccalls.Service, cards Cards) {
	pay := func(ctx context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
		return cards.Charge(ctx, "order "+r.PathValue("id"), 4000)
	}
	s.Handle("/orders/{id}/pay", pay)
}

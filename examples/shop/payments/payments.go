// Package payments is the service between the shop and a bank.
//
// Requests have the ID of their order as their key, so that a refund comes after the
// charge that it is about.
package payments

import (
	"context"
	"errors"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/examples/shop/internal/message"
)

// Service is the ID of the service.
const Service = "payments"

// Charge is what a customer is to pay for an order.
type Charge struct {
	Customer string `json:"customer"`
	Amount   int    `json:"amount"`
}

// Receipt says how much was moved.
type Receipt struct {
	Amount int `json:"amount"`
}

// ErrRefused says that a bank does not charge a customer.
var ErrRefused = errors.New("refused")

// Bank moves money, once for each order: asked again, it says the same again.
type Bank interface {
	// Charge charges a customer. The error is ErrRefused if there is not the money, or
	// if the order was refunded before; any other says that nobody knows.
	Charge(ctx context.Context, order string, c Charge) error

	// Refund gives back what was charged for an order, and returns how much that
	// was. The order is not charged later, either.
	Refund(ctx context.Context, order string) (int, error)
}

// New returns the service. Its endpoints:
//
//	/charge/{order}    Charge → Receipt     402 if the bank refuses
//	/refund/{order}    anything → Receipt
//
// While the bank is away, a call ends with 503, and what is durable waits.
func New(d driver.Driver, b Bank) (*asynccalls.Service, error) {
	s, err := asynccalls.New(Service, d)
	if err != nil {
		return nil, err
	}
	asynccalls.HandleJSON(s, "/charge/{order}", func(ctx context.Context, c Charge) (Receipt, error) {
		if c.Amount < 1 {
			return Receipt{}, message.Refusal(400, "amount is %d, want at least 1", c.Amount)
		}
		err := b.Charge(ctx, order(ctx), c)
		if errors.Is(err, ErrRefused) {
			return Receipt{}, message.Refusal(402, "order %s: payment refused", order(ctx))
		}
		return Receipt{c.Amount}, asynccalls.Unavailable(err)
	})
	asynccalls.HandleJSON(s, "/refund/{order}", func(ctx context.Context, _ any) (Receipt, error) {
		amount, err := b.Refund(ctx, order(ctx))
		return Receipt{amount}, asynccalls.Unavailable(err)
	})
	return s, nil
}

func order(ctx context.Context) string { return asynccalls.RequestFrom(ctx).PathValue("order") }

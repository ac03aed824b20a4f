// Package kiosk is a service as one writes it: its endpoint asks another service and
// tells a third, and one function is a client only. Its tests are those of the guide,
// docs/testing.md.
package kiosk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
)

// Order is what somebody buys.
type Order struct {
	Article string
	Cents   int
}

// Orders is the database of the shop.
type Orders interface {
	// Save stores an order that is paid; twice is as good as once.
	Save(ctx context.Context, id string, o Order) error
}

// New returns the service.
func New(d driver.Driver, db Orders) (*asynccalls.Service, error) {
	s, err := asynccalls.New("shop", d)
	if err != nil {
		return nil, err
	}
	shop := &shop{s, db}
	s.Handle("/orders/{id}", shop.order)
	return s, nil
}

type shop struct {
	s  *asynccalls.Service
	db Orders
}

// order takes an order: it has payments charge for it, saves it, has the warehouse pack
// it, and says at once that it was accepted, and then that it was paid.
func (s *shop) order(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
	var o Order
	if err := json.Unmarshal(r.Body, &o); err != nil {
		return &asynccalls.Error{Status: 400, Message: "the order is not JSON"}
	}
	id := r.PathValue("id")
	if err := w.Send(ctx, asynccalls.NewResponse([]byte("accepted"))); err != nil {
		return err
	}
	charge := asynccalls.NewRequest("payments", "/charge/"+id, fmt.Append(nil, o.Cents))
	if _, err := s.s.CallOne(ctx, charge); err != nil {
		return err
	}
	if err := s.db.Save(ctx, id, o); err != nil {
		return err
	}
	if err := s.s.Notify(ctx, asynccalls.NewRequest("warehouse", "/pack/"+id, []byte(o.Article))); err != nil {
		return err
	}
	return w.Send(ctx, asynccalls.NewResponse([]byte("paid")))
}

// Cheapest asks the catalog, which answers once for each supplier that it can reach,
// for the lowest price. It takes the best of what has come by the deadline of ctx.
func Cheapest(ctx context.Context, s *asynccalls.Service, article string) (cents int, err error) {
	for price, err := range asynccalls.CallJSON[int](ctx, s, "catalog", "/prices/"+article, nil) {
		switch {
		case err == nil && (cents == 0 || price < cents):
			cents = price
		case errors.Is(err, context.DeadlineExceeded) && cents > 0:
			return cents, nil
		case err != nil:
			return 0, err
		}
	}
	return cents, nil
}

package orders

import (
	"context"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/examples/shop/internal/message"
	"github.com/asynccalls/asynccalls/examples/shop/payments"
	"github.com/asynccalls/asynccalls/examples/shop/stock"
)

// settle has an order come to its end once it is no longer being placed: what is paid is
// shipped, and what is not is undone. It gives up for nothing.
func (o *office) settle(ctx context.Context, _ any) (Status, error) {
	id := asynccalls.RequestFrom(ctx).PathValue("order")
	s, err := o.db.settle(id)
	if err != nil {
		return s, err
	}
	var requests []*asynccalls.Request
	if s.State == Paid {
		requests = append(requests, message.Request(stock.Service, "/ship/"+id, s.Order.Article, s.Order.items()))
	}
	for _, undo := range s.Undoing {
		requests = append(requests, undo.request(id, s.Order))
	}
	return s, asynccalls.Unavailable(o.service.Send(ctx, requests...))
}

// Undo is something that undoes a step.
type Undo string

const (
	release Undo = "release"
	refund  Undo = "refund"
)

func (u Undo) request(id string, o Order) *asynccalls.Request {
	if u == release {
		return message.Request(stock.Service, "/release/"+id, o.Article, o.items())
	}
	return message.Request(payments.Service, "/refund/"+id, id, struct{}{})
}

// shipped takes in that an order was shipped that settle found paid.
func (o *office) shipped(_ context.Context, r *asynccalls.Response, p stock.Parcel) error {
	id := r.PathValue("order")
	if r.Err() != nil {
		return o.db.trouble(id, "ship", r.Err())
	}
	return o.db.reach(id, Progress{State: Shipped, Parcel: p.Number})
}

// undone returns what takes in that a step was undone.
func undone[T any](db *DB, u Undo) func(context.Context, *asynccalls.Response, T) error {
	return func(_ context.Context, r *asynccalls.Response, _ T) error {
		id := r.PathValue("order")
		if r.Err() != nil {
			return db.trouble(id, string(u), r.Err())
		}
		return db.undone(id, u)
	}
}

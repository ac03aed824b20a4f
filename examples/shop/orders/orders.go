// Package orders is the service that takes orders, and sees to it that each comes to an
// end: all of it happens, or nothing.
//
// To place an order is to reserve its items, to charge the customer, and to ship. Who
// asks learns of each as it happens. What is left to do when that ends, in whatever way,
// is up to a second request that was sent before the first thing was done: it has the
// same key, so it is handled when the first has been. It waits for nobody, so it is not
// lost when a process crashes or another service is away.
package orders

import (
	"context"
	"errors"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/examples/shop/internal/message"
	"github.com/asynccalls/asynccalls/examples/shop/payments"
	"github.com/asynccalls/asynccalls/examples/shop/stock"
)

// Service is the ID of the service.
const Service = "orders"

// Order is what a customer wants.
type Order struct {
	Customer string `json:"customer"`
	Article  string `json:"article"`
	Quantity int    `json:"quantity"`
	Price    int    `json:"price"` // of all
}

func (o Order) items() stock.Items { return stock.Items{Article: o.Article, Quantity: o.Quantity} }

// Progress is one thing that has happened to an order.
type Progress struct {
	State  State `json:"state"`
	Parcel int   `json:"parcel,omitempty"` // if it is shipped
}

// New returns the service. Its endpoints; the key is the ID of the order:
//
//	/place/{order}     Order → up to three Progress, and an error if it does not go on
//	/settle/{order}    anything → Status; the service sends it to itself
//	/status/{order}    anything → Status
//
// An order that is placed again is answered as before.
func New(d driver.Driver, db *DB) (*asynccalls.Service, error) {
	s, err := asynccalls.New(Service, d)
	if err != nil {
		return nil, err
	}
	o := &office{s, db}
	asynccalls.StreamJSON(s, "/place/{order}", o.place)
	asynccalls.HandleJSON(s, "/settle/{order}", o.settle)
	asynccalls.HandleJSON(s, "/status/{order}", func(ctx context.Context, _ any) (Status, error) {
		return db.Status(asynccalls.RequestFrom(ctx).PathValue("order"))
	})
	asynccalls.HandleResponsesJSON(s, stock.Service, "/ship/{order}", o.shipped)
	asynccalls.HandleResponsesJSON(s, stock.Service, "/release/{order}", undone[stock.Items](db, release))
	asynccalls.HandleResponsesJSON(s, payments.Service, "/refund/{order}", undone[payments.Receipt](db, refund))
	return s, nil
}

// office is what the handlers work with.
type office struct {
	service *asynccalls.Service
	db      *DB
}

// place does the steps of an order, one after the other. Each takes effect once, so
// they are simply done again when the request is delivered again.
func (o *office) place(ctx context.Context, in Order, send func(Progress) error) error {
	r := asynccalls.RequestFrom(ctx)
	id := r.PathValue("order")
	if r.Key != id {
		return message.Refusal(400, "key is %q, want %q, the ID of the order", r.Key, id)
	}
	if in.Quantity < 1 || in.Price < 1 || in.Article == "" || in.Customer == "" {
		return message.Refusal(400, "order %s lacks a customer, an article, a quantity or a price", id)
	}
	if reached, err := o.db.open(id, in); err != nil {
		return again(reached, err, send)
	}
	if err := o.service.Notify(ctx, message.Request(Service, "/settle/"+id, id, struct{}{})); err != nil {
		return err
	}
	for _, step := range o.steps() {
		p, err := step.do(ctx, id, in)
		if err != nil {
			return o.stopped(id, err, step.undo)
		}
		if err := o.db.reach(id, p); err != nil {
			return err
		}
		if err := send(p); err != nil {
			return err
		}
	}
	return nil
}

// again answers as before: who has got some of that already takes up the rest.
func again(reached []Progress, end error, send func(Progress) error) error {
	for _, p := range reached {
		if err := send(p); err != nil {
			return err
		}
	}
	return end
}

// step is a part of placing an order; undo is what is to be undone if it is refused.
type step struct {
	do   func(ctx context.Context, id string, in Order) (Progress, error)
	undo []Undo
}

func (o *office) steps() []step {
	return []step{{o.reserve, nil}, {o.charge, []Undo{release}}, {o.ship, []Undo{release, refund}}}
}

func (o *office) reserve(ctx context.Context, id string, in Order) (Progress, error) {
	_, err := asynccalls.CallOneJSON[stock.Items](ctx, o.service, stock.Service, "/reserve/"+id,
		in.items(), key(in.Article))
	return Progress{State: Reserved}, err
}

func (o *office) charge(ctx context.Context, id string, in Order) (Progress, error) {
	_, err := asynccalls.CallOneJSON[payments.Receipt](ctx, o.service, payments.Service, "/charge/"+id,
		payments.Charge{Customer: in.Customer, Amount: in.Price}, key(id))
	return Progress{State: Paid}, err
}

func (o *office) ship(ctx context.Context, id string, in Order) (Progress, error) {
	p, err := asynccalls.CallOneJSON[stock.Parcel](ctx, o.service, stock.Service, "/ship/"+id,
		in.items(), key(in.Article))
	return Progress{State: Shipped, Parcel: p.Number}, err
}

func key(k string) func(*asynccalls.Request) {
	return func(r *asynccalls.Request) { r.Key = k }
}

// stopped records that a step was refused. Any other failure says nothing about what
// has happened: settle decides, unless the request is tried again before.
func (o *office) stopped(id string, err error, undo []Undo) error {
	refusal, ok := errors.AsType[*asynccalls.Error](err)
	if !ok || refusal.Status >= 500 {
		return err
	}
	return errors.Join(err, o.db.cancel(id, refusal, undo...))
}

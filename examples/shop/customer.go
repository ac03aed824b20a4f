package main

import (
	"context"
	"fmt"
	"io"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/examples/shop/internal/message"
	"github.com/asynccalls/asynccalls/examples/shop/orders"
	"github.com/asynccalls/asynccalls/examples/shop/stock"
)

// customer places orders and tells what becomes of them.
type customer struct {
	service *asynccalls.Service // that calls
	out     io.Writer
}

// buy places an order, and prints each response when it is there. The error is that
// with which the call ended.
func (c *customer) buy(ctx context.Context, id string, o orders.Order) error {
	fmt.Fprintf(c.out, "%s: %s orders %d of %s for %d\n", id, o.Customer, o.Quantity, o.Article, o.Price)
	progress := asynccalls.CallJSON[orders.Progress](ctx, c.service, orders.Service, "/place/"+id, o,
		func(r *asynccalls.Request) { r.Key = id })
	for p, err := range progress {
		switch {
		case err != nil:
			fmt.Fprintf(c.out, "%s: %v\n", id, err)
			return err
		case p.State == orders.Shipped:
			fmt.Fprintf(c.out, "%s: %s, parcel %d\n", id, p.State, p.Parcel)
		default:
			fmt.Fprintf(c.out, "%s: %s\n", id, p.State)
		}
	}
	return nil
}

// track prints how far an order is.
func (c *customer) track(ctx context.Context, id string) error {
	s, err := asynccalls.CallOneJSON[orders.Status](ctx, c.service, orders.Service, "/status/"+id, struct{}{},
		func(r *asynccalls.Request) { r.Key = id })
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%s: is %s\n", id, s.State)
	return nil
}

// level prints how many of an article are on the shelf.
func (c *customer) level(ctx context.Context, article string) error {
	r := asynccalls.NewRequest(stock.Service, "/level/"+article, nil)
	r.Key = article
	resp, err := c.service.CallOne(ctx, r)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%s: %s on the shelf\n", article, resp.Body)
	return nil
}

// deliver brings goods. The key has the stock put them on the shelf before it looks at
// what is asked later.
func (c *customer) deliver(ctx context.Context, id string, i stock.Items) error {
	fmt.Fprintf(c.out, "%s: %d of %s are delivered\n", id, i.Quantity, i.Article)
	return c.service.Notify(ctx, message.Request(stock.Service, "/deliver/"+id, i.Article, i))
}

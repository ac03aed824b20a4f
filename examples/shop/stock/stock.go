// Package stock is the service that knows what lies on the shelves.
//
// Requests about an article have its ID as their key, so that they take effect in
// their order. Each takes effect once, however often it is delivered: a reservation is
// known by its order, a delivery by its ID.
package stock

import (
	"context"
	"strconv"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/examples/shop/internal/message"
)

// Service is the ID of the service.
const Service = "stock"

// Items are a number of pieces of one article.
type Items struct {
	Article  string `json:"article"`
	Quantity int    `json:"quantity"`
}

// Parcel is what is sent to the customer.
type Parcel struct {
	Number int `json:"number"`
}

// New returns the service. Its endpoints:
//
//	/reserve/{order}       Items → Items     409 if there are not enough; that is the answer for good
//	/release/{order}       Items → Items     undoes a reservation, also one that comes later
//	/ship/{order}          Items → Parcel    409 unless they are reserved
//	/deliver/{delivery}    Items             one-way: puts them on the shelf
//	/level/{article}       nothing → text    how many are on the shelf
func New(d driver.Driver, db *DB) (*asynccalls.Service, error) {
	s, err := asynccalls.New(Service, d)
	if err != nil {
		return nil, err
	}
	asynccalls.HandleJSON(s, "/reserve/{order}", by("order", db.reserve))
	asynccalls.HandleJSON(s, "/release/{order}", by("order", db.release))
	asynccalls.HandleJSON(s, "/ship/{order}", by("order", db.ship))
	asynccalls.HandleJSON(s, "/deliver/{delivery}", by("delivery", db.deliver))
	s.Handle("/level/{article}", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
		n, err := db.Level(r.PathValue("article"))
		if err != nil {
			return err
		}
		level := asynccalls.NewResponse(strconv.AppendInt(nil, int64(n), 10))
		level.End = true
		return w.Send(ctx, level)
	})
	return s, nil
}

// by returns a handler that hands the value of a wildcard and items to f.
func by[Out any](wildcard string, f func(string, Items) (Out, error)) func(context.Context, Items) (Out, error) {
	return func(ctx context.Context, i Items) (Out, error) {
		if i.Quantity < 1 || i.Article == "" {
			var zero Out
			return zero, message.Refusal(400, "%d of article %q: want at least 1 of an article", i.Quantity, i.Article)
		}
		return f(asynccalls.RequestFrom(ctx).PathValue(wildcard), i)
	}
}

package warstories

import (
	"context"
	"errors"
	"slices"

	"github.com/asynccalls/asynccalls"
)

// Stock is how many there are of the one article that a shop sells.
type Stock struct {
	Count   int
	Moves   []string // that are counted, so that one that comes again has no effect
	Version int      // of the row; the database counts it
}

// Warehouse is the database with that row.
type Warehouse interface {
	// Get reads the row.
	Get(ctx context.Context) (Stock, error)

	// Put writes the row, whatever is there by now.
	Put(ctx context.Context, s Stock) error

	// PutIf writes the row if its version is still that of s, and returns ErrConflict
	// if it is not: UPDATE stock … WHERE version = $1.
	PutIf(ctx context.Context, s Stock) error

	// Pack notes that an order is to be packed; twice is as good as once.
	Pack(ctx context.Context, order string) error
}

// ErrConflict says that somebody else has changed the row.
var ErrConflict = errors.New("the row has changed")

// LoseUpdates has a service count what is delivered and what is sold.
//
// In production: the key of an order was the order, that of a delivery was the
// delivery, so two handlers could read the row before either had written it. Then the
// second wrote over what the first had written, and at the end of the year ten boxes
// stood there that nobody had booked.
func LoseUpdates(s *asynccalls.Service, w Warehouse) { count(s, w, w.Put) }

// KeepUpdates is the fix. It holds because the second is refused: its handler fails,
// is called again a little later, and then reads what the first has written. If all
// that touches the row had the same key, that would do as well, but only for what
// comes through this service.
func KeepUpdates(s *asynccalls.Service, w Warehouse) { count(s, w, w.PutIf) }

func count(s *asynccalls.Service, w Warehouse, put func(context.Context, Stock) error) {
	deliver := func(ctx context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
		return move(ctx, w, put, r.Endpoint, 10)
	}
	sell := func(ctx context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
		if err := w.Pack(ctx, r.PathValue("id")); err != nil {
			return err
		}
		return move(ctx, w, put, r.Endpoint, -1)
	}
	s.Handle("/deliveries/{id}", deliver)
	s.Handle("/orders/{id}", sell)
}

// move changes the count, once for each name.
func move(ctx context.Context, w Warehouse, put func(context.Context, Stock) error, name string, by int) error {
	stock, err := w.Get(ctx)
	if err != nil || slices.Contains(stock.Moves, name) {
		return err
	}
	stock.Count += by
	stock.Moves = append(slices.Clone(stock.Moves), name)
	return put(ctx, stock)
}

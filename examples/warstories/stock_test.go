package warstories_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/examples/warstories"
)

func TestStock(t *testing.T) {
	t.Parallel()
	s := story{
		bug:        sell(warstories.LoseUpdates),
		fix:        sell(warstories.KeepUpdates),
		failure:    "counted 4, want 14",
		deviations: 1,
		steps:      []string{"reads the row", "reads the row", "writes 15", "writes 4"},
	}
	s.tell(t)
}

// sell has ten delivered and one sold, of five.
func sell(setup func(*asynccalls.Service, warstories.Warehouse)) body {
	return func(t testing.TB, b *asynccallstest.Broker) {
		w := &warehouse{b: b, row: warstories.Stock{Count: 5}}
		b.Start(serve("stock", func(s *asynccalls.Service) { setup(s, w) }))
		notify(t, b, "delivery 8", "stock/deliveries/8", "")
		notify(t, b, "order 17", "stock/orders/17", "")
		b.Wait()
		if w.row.Count != 14 {
			t.Errorf("counted %d, want 14", w.row.Count)
		}
	}
}

// warehouse is a database with one row.
type warehouse struct {
	b   *asynccallstest.Broker
	row warstories.Stock
}

func (w *warehouse) Get(ctx context.Context) (warstories.Stock, error) {
	w.b.Step(ctx, "reads the row")
	return w.row, nil
}

func (w *warehouse) Put(ctx context.Context, s warstories.Stock) error {
	w.b.Step(ctx, fmt.Sprint("writes ", s.Count))
	s.Version = w.row.Version + 1
	w.row = s
	return nil
}

func (w *warehouse) PutIf(ctx context.Context, s warstories.Stock) error {
	w.b.Step(ctx, fmt.Sprint("writes ", s.Count, " if it may"))
	if s.Version != w.row.Version {
		return warstories.ErrConflict
	}
	s.Version++
	w.row = s
	return nil
}

func (w *warehouse) Pack(ctx context.Context, order string) error {
	w.b.Step(ctx, "packs order "+order)
	return nil
}

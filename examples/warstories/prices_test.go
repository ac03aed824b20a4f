package warstories_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/examples/warstories"
)

func TestPrices(t *testing.T) {
	t.Parallel()
	s := story{
		bug:        setPrices(warstories.NextPrice),
		fix:        setPrices(warstories.NewestPrice),
		failure:    "the catalog shows 0 cents, want 89",
		deviations: 1,
		steps: []string{
			"but first all that was not committed is delivered again",
			"takes version 1", "takes version 2", "sends req-4 to catalog/price",
		},
	}
	s.tell(t)
}

// setPrices has the price of an article set twice.
func setPrices(setup func(*asynccalls.Service, warstories.Prices)) body {
	return func(t testing.TB, b *asynccallstest.Broker) {
		versions, shown := &versions{b: b}, &prices{b: b}
		b.Start(serve("shop", func(s *asynccalls.Service) { warstories.SetPrices(s, versions) }))
		b.Start(serve("catalog", func(s *asynccalls.Service) { setup(s, shown) }))
		notify(t, b, "tea", "shop/set-price", `{"Article": "tea", "Cents": 99}`)
		notify(t, b, "tea", "shop/set-price", `{"Article": "tea", "Cents": 89}`)
		b.Wait()
		if shown.tea.Cents != 89 {
			t.Errorf("the catalog shows %d cents, want 89", shown.tea.Cents)
		}
	}
}

// versions is a sequence in a database.
type versions struct {
	b    *asynccallstest.Broker
	last int
}

func (v *versions) Next(ctx context.Context) (int, error) {
	v.last++
	n := v.last
	v.b.Step(ctx, fmt.Sprint("takes version ", n))
	return n, nil
}

// prices is a database with one row.
type prices struct {
	b   *asynccallstest.Broker
	tea warstories.Price
}

func (p *prices) Load(context.Context, string) (warstories.Price, error) { return p.tea, nil }

func (p *prices) Store(ctx context.Context, price warstories.Price) error {
	p.b.Step(ctx, fmt.Sprint("stores version ", price.Version))
	p.tea = price
	return nil
}

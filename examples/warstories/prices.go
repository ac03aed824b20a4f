package warstories

import (
	"context"
	"encoding/json"

	"github.com/asynccalls/asynccalls"
)

// Price is what an article costs. The newer has the higher version.
type Price struct {
	Article string
	Version int
	Cents   int
}

// Prices is the database of the catalog. An article without a price has version 0.
type Prices interface {
	// Load returns the price of an article.
	Load(ctx context.Context, article string) (Price, error)

	// Store replaces it.
	Store(ctx context.Context, p Price) error
}

// Versions is a sequence in the database of the shop: each number is given out once,
// and a number that was given out and not used is gone.
type Versions interface {
	// Next returns the next number.
	Next(ctx context.Context) (int, error)
}

// SetPrices is the shop, where prices are made. It tells the catalog.
func SetPrices(s *asynccalls.Service, versions Versions) {
	set := func(ctx context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
		var p Price
		err := json.Unmarshal(r.Body, &p)
		if err != nil {
			return asynccalls.Permanent(err)
		}
		if p.Version, err = versions.Next(ctx); err != nil {
			return err
		}
		body, err := json.Marshal(p)
		if err != nil {
			return err
		}
		news := asynccalls.NewRequest("catalog", "/price", body)
		news.Key = p.Article
		return s.Notify(ctx, news)
	}
	s.Handle("/set-price", set)
}

// NextPrice has the catalog take the version that follows on the one it has, so that
// no price is taken twice.
//
// In production: a process of the shop was stopped between taking a version number and
// sending it. The catalog dropped each later price, as it waited for that number, and
// showed the old one for two days.
func NextPrice(s *asynccalls.Service, prices Prices) {
	handlePrice(s, prices, func(had, got Price) bool { return got.Version == had.Version+1 })
}

// NewestPrice is the fix. It holds because a price says all that there is to know: a
// newer one replaces an older one, whatever is missing between them, and an older
// one, or the same again, changes nothing.
func NewestPrice(s *asynccalls.Service, prices Prices) {
	handlePrice(s, prices, func(had, got Price) bool { return got.Version > had.Version })
}

func handlePrice(s *asynccalls.Service, prices Prices, wanted func(had, got Price) bool) {
	handle := func(ctx context.Context, got Price) (struct{}, error) {
		had, err := prices.Load(ctx, got.Article)
		if err != nil || !wanted(had, got) {
			return struct{}{}, err
		}
		return struct{}{}, prices.Store(ctx, got)
	}
	asynccalls.HandleJSON(s, "/price", handle)
}

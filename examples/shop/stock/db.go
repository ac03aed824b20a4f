package stock

import (
	"maps"
	"sync"

	"github.com/asynccalls/asynccalls/examples/shop/internal/message"
)

// DB is the database of the service; each method is a transaction. It is safe for
// concurrent use.
type DB struct {
	mu         sync.Mutex // guards what follows
	levels     map[string]int
	orders     map[string]*reservation
	deliveries map[string]bool
	parcels    int
}

// reservation is what became of the items of an order.
type reservation struct {
	items  Items
	state  state
	parcel Parcel // if it is shipped
}

type state string

const (
	reserved state = "reserved"
	refused  state = "refused"
	released state = "released"
	shipped  state = "shipped"
)

// NewDB returns a database of articles and how many of them are on the shelf.
func NewDB(levels map[string]int) *DB {
	return &DB{
		levels:     maps.Clone(levels),
		orders:     make(map[string]*reservation),
		deliveries: make(map[string]bool),
	}
}

// Level returns how many of an article are on the shelf.
func (db *DB) Level(article string) (int, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	n, ok := db.levels[article]
	if !ok {
		return 0, message.Refusal(404, "no article %q", article)
	}
	return n, nil
}

func (db *DB) reserve(order string, i Items) (Items, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	r := db.orders[order]
	if r == nil {
		r = &reservation{items: i, state: refused}
		db.orders[order] = r
		if db.levels[i.Article] >= i.Quantity {
			db.levels[i.Article] -= i.Quantity
			r.state = reserved
		}
	}
	switch {
	case r.items != i:
		return Items{}, message.Refusal(409, "order %s is about %d of %s", order, r.items.Quantity, r.items.Article)
	case r.state == refused:
		return Items{}, message.Refusal(409, "not enough of %s for order %s", i.Article, order)
	case r.state == released:
		return Items{}, message.Refusal(409, "order %s was released", order)
	}
	return i, nil
}

func (db *DB) release(order string, i Items) (Items, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	r := db.orders[order]
	if r == nil {
		r = &reservation{items: i, state: released}
		db.orders[order] = r
	}
	if r.state == shipped {
		return Items{}, message.Refusal(409, "order %s was shipped", order)
	}
	if r.state == reserved {
		db.levels[r.items.Article] += r.items.Quantity
		r.state = released
	}
	return r.items, nil
}

func (db *DB) ship(order string, _ Items) (Parcel, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	r := db.orders[order]
	switch {
	case r == nil:
		return Parcel{}, message.Refusal(409, "nothing is reserved for order %s", order)
	case r.state == reserved:
		db.parcels++
		r.parcel.Number = db.parcels
		r.state = shipped
	case r.state != shipped:
		return Parcel{}, message.Refusal(409, "order %s was %s", order, r.state)
	}
	return r.parcel, nil
}

func (db *DB) deliver(delivery string, i Items) (Items, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if !db.deliveries[delivery] {
		db.deliveries[delivery] = true
		db.levels[i.Article] += i.Quantity
	}
	return i, nil
}

package orders

import (
	"fmt"
	"slices"
	"sync"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/examples/shop/internal/message"
)

// State is how far an order has come.
type State string

// The states. An order ends as Shipped or Canceled.
const (
	Placed    State = "placed"
	Reserved  State = "reserved"
	Paid      State = "paid"
	Shipped   State = "shipped"
	Canceling State = "canceling" // something is still to be undone
	Canceled  State = "canceled"
)

func (s State) isOver() bool { return s == Shipped || s == Canceled }

// Status is all that is known of an order.
type Status struct {
	Order   Order  `json:"order"`
	State   State  `json:"state"`
	Parcel  int    `json:"parcel,omitempty"`
	Refusal string `json:"refusal,omitempty"` // why it was canceled
	Undoing []Undo `json:"undoing,omitempty"`
	Trouble string `json:"trouble,omitempty"` // for people to look after
}

// DB is the database of the service; each method is a transaction. It is safe for
// concurrent use.
type DB struct {
	mu     sync.Mutex // guards orders
	orders map[string]*entry
}

type entry struct {
	Status

	reached []Progress
	refusal *asynccalls.Error
	over    chan struct{} // closed when the order has come to an end
}

// NewDB returns a database without orders.
func NewDB() *DB { return &DB{orders: make(map[string]*entry)} }

// Status returns what is known of an order.
func (db *DB) Status(id string) (Status, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	e, err := db.find(id)
	if err != nil {
		return Status{}, err
	}
	return e.copy(), nil
}

// Over returns a channel that is closed when an order that was placed has come to an
// end.
func (db *DB) Over(id string) (<-chan struct{}, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	e, err := db.find(id)
	if err != nil {
		return nil, err
	}
	return e.over, nil
}

// find returns an order. The lock is held.
func (db *DB) find(id string) (*entry, error) {
	if e := db.orders[id]; e != nil {
		return e, nil
	}
	return nil, message.Refusal(404, "no order %s", id)
}

func (e *entry) copy() Status {
	s := e.Status
	s.Undoing = slices.Clone(s.Undoing)
	return s
}

// set moves an order on. The lock is held.
func (e *entry) set(s State) {
	if s.isOver() && !e.State.isOver() {
		close(e.over)
	}
	e.State = s
}

// open enters an order. Of one that was canceled it returns how far it got, and why no
// further.
func (db *DB) open(id string, o Order) ([]Progress, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	e := db.orders[id]
	if e == nil {
		e = &entry{Status: Status{Order: o, State: Placed}, over: make(chan struct{})}
		db.orders[id] = e
	}
	switch {
	case e.Order != o:
		return nil, message.Refusal(409, "order %s is known, and is another", id)
	case e.refusal != nil:
		return e.reached, e.refusal
	}
	return nil, nil
}

// reach takes in that something has happened to an order that was not canceled. What
// happens again changes nothing.
func (db *DB) reach(id string, p Progress) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	e, err := db.find(id)
	if err != nil {
		return err
	}
	if e.refusal != nil {
		return fmt.Errorf("order %s is %s after it was canceled", id, p.State)
	}
	way := []State{Placed, Reserved, Paid, Shipped}
	if slices.Index(way, p.State) > slices.Index(way, e.State) {
		e.set(p.State)
		e.Parcel = p.Parcel
		e.reached = append(e.reached, p)
	}
	return nil
}

// cancel takes in why an order does not go on, and what of it is to be undone.
func (db *DB) cancel(id string, why *asynccalls.Error, undo ...Undo) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	e, err := db.find(id)
	if err != nil {
		return err
	}
	e.cancel(why, undo)
	return nil
}

func (e *entry) cancel(why *asynccalls.Error, undo []Undo) {
	e.refusal, e.Refusal, e.Undoing = why, why.Error(), undo
	e.set(Canceling)
	if len(undo) == 0 {
		e.set(Canceled)
	}
}

// settle decides what becomes of an order that nobody places any more. Unless it is
// paid, or was refused by others, it is canceled, and all of it undone: nobody knows
// how far it got.
func (db *DB) settle(id string) (Status, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	e, err := db.find(id)
	if err != nil {
		return Status{}, err
	}
	if e.State == Placed || e.State == Reserved {
		e.cancel(&asynccalls.Error{Status: 409, Message: "order " + id + " was canceled"}, []Undo{release, refund})
	}
	return e.copy(), nil
}

// undone takes in that a step was undone.
func (db *DB) undone(id string, u Undo) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	e, err := db.find(id)
	if err != nil {
		return err
	}
	e.Undoing = slices.DeleteFunc(slices.Clone(e.Undoing), func(other Undo) bool { return other == u })
	if e.State == Canceling && len(e.Undoing) == 0 {
		e.set(Canceled)
	}
	return nil
}

// trouble takes in that something cannot be done, or undone.
func (db *DB) trouble(id, what string, why error) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	e, err := db.find(id)
	if err != nil {
		return err
	}
	e.Trouble = what + ": " + why.Error()
	return nil
}

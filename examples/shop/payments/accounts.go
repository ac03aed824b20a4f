package payments

import (
	"context"
	"maps"
	"sync"
)

// Accounts is a bank in memory. It is safe for concurrent use.
type Accounts struct {
	mu       sync.Mutex // guards what follows
	balances map[string]int
	orders   map[string]*payment
}

// payment is what became of the money for an order.
type payment struct {
	charge   Charge
	refused  bool
	refunded bool
}

var _ Bank = (*Accounts)(nil)

// NewAccounts returns a bank of customers and what they have.
func NewAccounts(balances map[string]int) *Accounts {
	return &Accounts{balances: maps.Clone(balances), orders: make(map[string]*payment)}
}

// Balance returns what a customer has.
func (a *Accounts) Balance(customer string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.balances[customer]
}

// Charge implements [Bank].
func (a *Accounts) Charge(_ context.Context, order string, c Charge) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.orders[order]
	if p == nil {
		p = &payment{charge: c, refused: a.balances[c.Customer] < c.Amount}
		a.orders[order] = p
		if !p.refused {
			a.balances[c.Customer] -= c.Amount
		}
	}
	if p.refused || p.refunded || p.charge != c {
		return ErrRefused
	}
	return nil
}

// Refund implements [Bank].
func (a *Accounts) Refund(_ context.Context, order string) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.orders[order]
	if p == nil {
		p = &payment{refused: true}
		a.orders[order] = p
	}
	if p.refused {
		return 0, nil
	}
	if !p.refunded {
		p.refunded = true
		a.balances[p.charge.Customer] += p.charge.Amount
	}
	return p.charge.Amount, nil
}

package main

import (
	"crypto/sha256"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/examples/shop/internal/message"
	"github.com/asynccalls/asynccalls/examples/shop/orders"
	"github.com/asynccalls/asynccalls/examples/shop/payments"
	"github.com/asynccalls/asynccalls/examples/shop/stock"
)

var update = flag.Bool("update", false, "write the golden files")

// shop is all services in a test, each with its database.
type shop struct {
	b                       *asynccallstest.Broker
	orders, payments, stock *asynccallstest.Instance
	placed                  *orders.DB
	bank                    *payments.Accounts
	shelf                   *stock.DB
}

// open opens a shop with three mugs. Ann has 100, and bob has 10.
func open(b *asynccallstest.Broker) *shop {
	s := &shop{
		b: b, placed: orders.NewDB(), shelf: stock.NewDB(map[string]int{"mugs": 3}),
		bank: payments.NewAccounts(map[string]int{"ann": 100, "bob": 10}),
	}
	s.stock = b.Start(func(d driver.Driver) (*asynccalls.Service, error) { return stock.New(d, s.shelf) })
	s.payments = b.Start(func(d driver.Driver) (*asynccalls.Service, error) { return payments.New(d, s.bank) })
	s.orders = b.Start(func(d driver.Driver) (*asynccalls.Service, error) { return orders.New(d, s.placed) })
	return s
}

// place returns a request that places an order for mugs.
func place(id, customer string, quantity int) *asynccalls.Request {
	return message.Request(orders.Service, "/place/"+id, id, mugs(customer, quantity))
}

func mugs(customer string, quantity int) orders.Order {
	return orders.Order{Customer: customer, Article: "mugs", Quantity: quantity, Price: 15 * quantity}
}

// is fails the test unless an order is in that state.
func (s *shop) is(t testing.TB, id string, want orders.State) {
	t.Helper()
	if got, err := s.placed.Status(id); got.State != want || err != nil {
		t.Errorf("order %s is %q, %v; want %s", id, got.State, err, want)
	}
}

// has fails the test unless there are so many mugs on the shelf, and so much money is left
// to ann.
func (s *shop) has(t testing.TB, level, balance int) {
	t.Helper()
	n, err := s.shelf.Level("mugs")
	if got := s.bank.Balance("ann"); n != level || got != balance || err != nil {
		t.Errorf("%d mugs are left, %v, and ann has %d; want %d and %d", n, err, got, level, balance)
	}
}

// golden fails the test unless a transcript is that of the file of this test.
func golden(t testing.TB, name, got string) {
	t.Helper()
	t.Logf("transcript %x", sha256.Sum256([]byte(got)))
	file := filepath.Join("testdata", strings.ReplaceAll(name, " ", "_")+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("not as in %s (-want +got):\n%s", file, diff)
	}
}

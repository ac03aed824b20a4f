package kiosk_test

import (
	"slices"
	"testing"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/examples/kiosk"
)

// TestOrderWhateverHappens has one order taken, and looks at what must hold then.
func TestOrderWhateverHappens(t *testing.T) {
	t.Parallel()
	asynccallstest.Explore(t, asynccallstest.Bound{Schedules: 200}, func(t testing.TB, b *asynccallstest.Broker) {
		db, bank := &orders{b: b}, &bank{}
		b.Start(func(d driver.Driver) (*asynccalls.Service, error) { return newPayments(d, bank) })
		s := b.Start(func(d driver.Driver) (*asynccalls.Service, error) { return kiosk.New(d, db) })
		warehouse := b.Fake("warehouse", func(s *asynccalls.Service) { s.Handle("/pack/{id}", asynccallstest.Script()) })

		r := asynccalls.NewRequest("shop", "/orders/17", []byte(`{"Article": "tea", "Cents": 250}`))
		if err := b.Client().Notify(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		b.Wait()

		paid, saved := slices.Contains(bank.charged, "17"), slices.Contains(db.saved, "17")
		told, gaveUp := len(warehouse.Received()) > 0, len(s.DeadLetters()) > 0
		if saved && !paid || told && !saved {
			t.Errorf("paid %v, saved %v, told the warehouse %v, want each only after the one before", paid, saved, told)
		}
		if !told && !gaveUp {
			t.Error("the order is neither done nor a dead letter")
		}
	})
}

// TestOrderIsNotChargedTwice looks for a schedule that fails: it has payments forget
// what it has charged.
func TestOrderIsNotChargedTwice(t *testing.T) {
	t.Parallel()
	r := asynccallstest.Search(t, asynccallstest.Bound{}, func(t testing.TB, b *asynccallstest.Broker) {
		payments := b.Fake("payments", func(s *asynccalls.Service) { s.Handle("/charge/{id}", asynccallstest.Script("ok")) })
		b.Fake("warehouse", func(s *asynccalls.Service) { s.Handle("/pack/{id}", asynccallstest.Script()) })
		s := b.Start(func(d driver.Driver) (*asynccalls.Service, error) { return kiosk.New(d, &orders{b: b}) })
		r := asynccalls.NewRequest("shop", "/orders/17", []byte(`{"Article": "tea", "Cents": 250}`))
		s.Notify(r)
		if n := len(payments.Received()); n != 1 {
			t.Errorf("the customer was charged %d times", n)
		}
	})
	golden(t, "report", []byte(r.String()+"\n"))
}

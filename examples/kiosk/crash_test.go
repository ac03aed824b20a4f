package kiosk_test

import (
	"slices"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/examples/kiosk"
)

// TestCrash has the shop crash while it waits for payments.
func TestCrash(t *testing.T) {
	t.Parallel()
	asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
		db := &orders{b: b}
		payments := b.Fake("payments", func(s *asynccalls.Service) {
			s.Handle("/charge/{id}", asynccallstest.Script(10*time.Second, "ok"))
		})
		b.Fake("warehouse", func(s *asynccalls.Service) { s.Handle("/pack/{id}", asynccallstest.Script()) })
		s := b.Start(func(d driver.Driver) (*asynccalls.Service, error) { return kiosk.New(d, db) })

		r := asynccalls.NewRequest("shop", "/orders/17", []byte(`{"Article": "tea", "Cents": 250}`))
		if err := b.Client().Notify(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		<-time.After(5 * time.Second) // of virtual time: payments has begun
		s.Crash()
		b.Wait()

		if n := len(payments.Received()); n != 2 {
			t.Errorf("payments was asked %d times, want twice", n)
		}
		if !slices.Equal(db.saved, []string{"17"}) {
			t.Errorf("saved are %q, want 17", db.saved)
		}
	})
}

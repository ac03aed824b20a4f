package kiosk_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/examples/kiosk"
)

func TestOrder(t *testing.T) {
	t.Parallel()
	asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
		db := &orders{b: b}
		b.Fake("payments", func(s *asynccalls.Service) { s.Handle("/charge/{id}", asynccallstest.Script("ok")) })
		b.Fake("warehouse", func(s *asynccalls.Service) { s.Handle("/pack/{id}", asynccallstest.Script()) })
		s := b.Start(func(d driver.Driver) (*asynccalls.Service, error) { return kiosk.New(d, db) })

		got := s.Call(asynccalls.NewRequest("shop", "/orders/17", []byte(`{"Article": "tea", "Cents": 250}`)))

		if got.Err != nil {
			t.Fatal(got.Err)
		}
		asynccallstest.Equal(t, got.Responses,
			asynccalls.NewResponse([]byte("accepted")),
			asynccalls.NewResponse([]byte("paid")))
		asynccallstest.Equal(t, got.Sent,
			asynccalls.NewRequest("payments", "/charge/17", []byte("250")),
			asynccalls.NewRequest("warehouse", "/pack/17", []byte("tea")))
	})
}

// orders is a database in memory. It is made outside of the service, so that it
// outlives a crash.
type orders struct {
	b     *asynccallstest.Broker
	saved []string
}

func (o *orders) Save(ctx context.Context, id string, _ kiosk.Order) error {
	o.b.Step(ctx, "saves the order") // an exploration may stop here, or go on elsewhere
	if !slices.Contains(o.saved, id) {
		o.saved = append(o.saved, id)
	}
	return nil
}

func TestOrderIsRefused(t *testing.T) {
	t.Parallel()
	asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
		s := b.Start(func(d driver.Driver) (*asynccalls.Service, error) { return kiosk.New(d, &orders{b: b}) })
		bad := func() *asynccalls.Request { return asynccalls.NewRequest("shop", "/orders/17", []byte("tea, please")) }

		var status *asynccalls.Error
		if got := s.Call(bad()); !errors.As(got.Err, &status) || status.Status != 400 {
			t.Errorf("the call ended with %v, want status 400", got.Err)
		}
		if got := s.Notify(bad()); got.Verdict != asynccallstest.DeadLettered || got.Attempts != 1 {
			t.Errorf("the one-way request: %v after %d attempts, want DeadLettered after 1", got.Verdict, got.Attempts)
		}
	})
}

func TestOrderIsTriedAgain(t *testing.T) {
	t.Parallel()
	asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
		away := 2
		b.Fake("payments", func(s *asynccalls.Service) {
			ok := asynccallstest.Script("ok")
			s.Handle("/charge/{id}", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
				if away--; away >= 0 {
					return errors.New("the bank is closed")
				}
				return ok(ctx, w, r)
			})
		})
		b.Fake("warehouse", func(s *asynccalls.Service) { s.Handle("/pack/{id}", asynccallstest.Script()) })
		s := b.Start(func(d driver.Driver) (*asynccalls.Service, error) { return kiosk.New(d, &orders{b: b}) })

		begun := time.Now()
		got := s.Send(asynccalls.NewRequest("shop", "/orders/17", []byte(`{"Article": "tea", "Cents": 250}`)))

		if got.Verdict != asynccallstest.Done || got.Attempts != 3 {
			t.Errorf("the order: %v after %d attempts, want Done after 3", got.Verdict, got.Attempts)
		}
		if took := time.Since(begun); took < 300*time.Millisecond {
			t.Errorf("three attempts took %v, want the pauses of asynccalls.Retry between them", took)
		}
	})
}

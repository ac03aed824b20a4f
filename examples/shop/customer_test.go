package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/examples/shop/internal/message"
	"github.com/asynccalls/asynccalls/examples/shop/orders"
	"github.com/asynccalls/asynccalls/examples/shop/stock"
)

// withCustomer runs a test of a customer, with a service that takes its place in the shop.
func withCustomer(t *testing.T, service, pattern string, h asynccalls.Handler, body func(testing.TB, *meeting)) {
	t.Helper()
	asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
		b.Fake(service, func(s *asynccalls.Service) { s.Handle(pattern, h) })
		m := &meeting{b: b}
		m.customer = &customer{b.Client(), &m.out}
		body(t, m)
	})
}

// meeting is a customer in a test, and what it prints.
type meeting struct {
	*customer

	b   *asynccallstest.Broker
	out strings.Builder
}

func (m *meeting) prints(t testing.TB, want string) {
	t.Helper()
	if got := m.out.String(); got != want {
		t.Errorf("it prints\n%swant\n%s", got, want)
	}
}

// TestBuy has the orders service answer in many ways. The customer waits for 10 s.
func TestBuy(t *testing.T) {
	t.Parallel()
	const begin = "o1: ann orders 2 of mugs for 30\n"
	reserved, paid := orders.Progress{State: orders.Reserved}, orders.Progress{State: orders.Paid}
	shipped := orders.Progress{State: orders.Shipped, Parcel: 9}
	type tests = map[string]struct {
		steps []any
		want  string
		err   error
	}
	for name, tt := range (tests{
		"all":       {[]any{reserved, paid, shipped}, "o1: reserved\no1: paid\no1: shipped, parcel 9\n", nil},
		"slowly":    {[]any{reserved, 9 * time.Second, paid}, "o1: reserved\no1: paid\n", nil},
		"nothing":   {nil, "", nil},
		"too late":  {[]any{reserved, 11 * time.Second, paid}, "o1: reserved\n" + late, context.DeadlineExceeded},
		"no end":    {[]any{reserved, asynccallstest.NoEnd}, "o1: reserved\n" + late, context.DeadlineExceeded},
		"no answer": {[]any{asynccallstest.NoEnd}, late, context.DeadlineExceeded},
	}) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			script := asynccallstest.Script(tt.steps...)
			withCustomer(t, orders.Service, "/place/{order}", script, func(t testing.TB, m *meeting) {
				if err := m.patiently(t, 10*time.Second); !errors.Is(err, tt.err) {
					t.Errorf("it ends with %v, want %v", err, tt.err)
				}
				m.prints(t, begin+tt.want)
			})
		})
	}
}

// late is what is printed when the time is over.
const late = "o1: call orders/place/o1: context deadline exceeded\n"

// patiently buys mugs within some time.
func (m *meeting) patiently(t testing.TB, within time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	return m.buy(ctx, "o1", mugs("ann", 2))
}

func TestBuySends(t *testing.T) {
	t.Parallel()
	withCustomer(t, orders.Service, "/place/{order}", asynccallstest.Script(), func(t testing.TB, m *meeting) {
		m.buy(t.Context(), "o1", mugs("ann", 2))
		asynccallstest.Equal(t, m.b.Sent(), place("o1", "ann", 2))
	})
}

// TestRefused tells a refusal from a failure.
func TestRefused(t *testing.T) {
	t.Parallel()
	for _, status := range []int{402, 500} {
		script := asynccallstest.Script(message.Refusal(status, "no"))
		withCustomer(t, orders.Service, "/place/{order}", script, func(t testing.TB, m *meeting) {
			err := m.refused(t.Context(), "o1", mugs("ann", 2))
			if failed := err != nil; failed != (status == 500) {
				t.Errorf("status %d: %v", status, err)
			}
		})
	}
}

func TestShippedInsteadOfRefused(t *testing.T) {
	t.Parallel()
	withCustomer(t, orders.Service, "/place/{order}", asynccallstest.Script(), func(t testing.TB, m *meeting) {
		if err := m.refused(t.Context(), "o1", mugs("ann", 2)); err == nil {
			t.Error("it takes what was shipped for refused")
		}
	})
}

func TestTrack(t *testing.T) {
	t.Parallel()
	status := orders.Status{State: orders.Canceling}
	withCustomer(t, orders.Service, "/status/{order}", asynccallstest.Script(status), func(t testing.TB, m *meeting) {
		if err := m.track(t.Context(), "o1"); err != nil {
			t.Error(err)
		}
		m.prints(t, "o1: is canceling\n")
	})
}

func TestLevel(t *testing.T) {
	t.Parallel()
	withCustomer(t, stock.Service, "/level/{article}", asynccallstest.Script("12"), func(t testing.TB, m *meeting) {
		if err := m.level(t.Context(), "mugs"); err != nil {
			t.Error(err)
		}
		m.prints(t, "mugs: 12 on the shelf\n")
		asynccallstest.Equal(t, m.b.Sent(), &asynccalls.Request{Service: "stock", Endpoint: "/level/mugs", Key: "mugs"})
	})
}

func TestDeliver(t *testing.T) {
	t.Parallel()
	withCustomer(t, stock.Service, "/deliver/{delivery}", asynccallstest.Script(), func(t testing.TB, m *meeting) {
		items := stock.Items{Article: "mugs", Quantity: 5}
		if err := m.deliver(t.Context(), "d1", items); err != nil {
			t.Error(err)
		}
		asynccallstest.Equal(t, m.b.Sent(), message.Request(stock.Service, "/deliver/d1", "mugs", items))
	})
}

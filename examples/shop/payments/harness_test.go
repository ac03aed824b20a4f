package payments_test

import (
	"context"
	"testing"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/examples/shop/internal/message"
	"github.com/asynccalls/asynccalls/examples/shop/payments"
)

// fixture is the service in a test, and its bank.
type fixture struct {
	*asynccallstest.Instance
	*payments.Accounts

	b      *asynccallstest.Broker
	before func(ctx context.Context, order string) error // called before the bank does anything, unless it is nil
	after  func(order string)                            // called when the bank has charged, unless it is nil
}

// with runs a test of the service. Ann has 100.
func with(t *testing.T, body func(t testing.TB, s *fixture)) {
	t.Helper()
	asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) { body(t, start(b)) })
}

// start starts the service as its program does.
func start(b *asynccallstest.Broker) *fixture {
	f := &fixture{b: b, Accounts: payments.NewAccounts(map[string]int{"ann": 100})}
	f.Instance = b.Start(func(d driver.Driver) (*asynccalls.Service, error) { return payments.New(d, f) })
	return f
}

// Charge implements [payments.Bank].
func (s *fixture) Charge(ctx context.Context, order string, c payments.Charge) error {
	if s.before != nil {
		if err := s.before(ctx, order); err != nil {
			return err
		}
	}
	err := s.Accounts.Charge(ctx, order, c)
	if s.after != nil {
		s.after(order)
	}
	return err
}

// Refund implements [payments.Bank].
func (s *fixture) Refund(ctx context.Context, order string) (int, error) {
	if s.before != nil {
		if err := s.before(ctx, order); err != nil {
			return 0, err
		}
	}
	return s.Accounts.Refund(ctx, order)
}

// charge returns a request that Ann pays for an order.
func charge(order string, amount int) *asynccalls.Request {
	return message.Request(payments.Service, "/charge/"+order, order, payments.Charge{Customer: "ann", Amount: amount})
}

func refund(order string) *asynccalls.Request {
	return message.Request(payments.Service, "/refund/"+order, order, nil)
}

// has fails the test unless Ann has so much.
func (s *fixture) has(t testing.TB, want int) {
	t.Helper()
	if got := s.Balance("ann"); got != want {
		t.Errorf("ann has %d, want %d", got, want)
	}
}

// moves fails the test unless a request came to a receipt, and nothing else.
func moves(t testing.TB, got *asynccallstest.Result, amount int) {
	t.Helper()
	if got.Err != nil || got.Verdict != asynccallstest.Done {
		t.Errorf("the call ended with %v, %v; want Done", got.Err, got.Verdict)
	}
	asynccallstest.Equal(t, got.Responses, message.Response(payments.Receipt{Amount: amount}))
}

// refuses fails the test unless a request was answered with a status alone, at once.
func refuses(t testing.TB, got *asynccallstest.Result, status int) {
	t.Helper()
	if message.Status(got.Err) != status || got.Verdict != asynccallstest.Failed || got.Attempts != 1 {
		t.Errorf("%v, %v after %d attempts; want status %d at once", got.Verdict, got.Err, got.Attempts, status)
	}
	asynccallstest.Equal(t, got.Responses)
}

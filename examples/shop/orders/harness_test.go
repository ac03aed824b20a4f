package orders_test

import (
	"testing"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/examples/shop/internal/message"
	"github.com/asynccalls/asynccalls/examples/shop/orders"
	"github.com/asynccalls/asynccalls/examples/shop/payments"
	"github.com/asynccalls/asynccalls/examples/shop/stock"
)

// others is what the other services do. What is nil goes well.
type others struct{ reserve, release, ship, charge, refund asynccalls.Handler }

// fixture is the service in a test.
type fixture struct {
	*asynccallstest.Instance

	b               *asynccallstest.Broker
	db              *orders.DB
	stock, payments *asynccallstest.Instance
}

// with runs a test of the service among others.
func with(t *testing.T, o others, body func(t testing.TB, s *fixture)) {
	t.Helper()
	asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) { body(t, start(b, o)) })
}

// start starts the service as its program does.
func start(b *asynccallstest.Broker, o others) *fixture {
	f := alone(b)
	f.stock = b.Fake(stock.Service, o.stock)
	f.payments = b.Fake(payments.Service, o.payments)
	return f
}

// alone starts the service without others.
func alone(b *asynccallstest.Broker) *fixture {
	db := orders.NewDB()
	s := b.Start(func(d driver.Driver) (*asynccalls.Service, error) { return orders.New(d, db) })
	return &fixture{Instance: s, b: b, db: db}
}

func (o others) stock(s *asynccalls.Service) {
	s.Handle("/reserve/{order}", either(o.reserve, items))
	s.Handle("/release/{order}", either(o.release, items))
	s.Handle("/ship/{order}", either(o.ship, stock.Parcel{Number: 7}))
}

func (o others) payments(s *asynccalls.Service) {
	s.Handle("/charge/{order}", either(o.charge, receipt))
	s.Handle("/refund/{order}", either(o.refund, receipt))
}

func either(h asynccalls.Handler, v any) asynccalls.Handler {
	if h == nil {
		return asynccallstest.Script(v)
	}
	return h
}

// What the tests are about: ann orders two mugs.
var (
	mugs    = orders.Order{Customer: "ann", Article: "mugs", Quantity: 2, Price: 30}
	items   = stock.Items{Article: "mugs", Quantity: 2}
	receipt = payments.Receipt{Amount: 30}
)

// place returns a request that places an order for mugs.
func place(id string) *asynccalls.Request {
	return message.Request(orders.Service, "/place/"+id, id, mugs)
}

// The requests that the service sends for order o1.
func reserve() *asynccalls.Request {
	return message.Request(stock.Service, "/reserve/o1", "mugs", items)
}

func ship() *asynccalls.Request { return message.Request(stock.Service, "/ship/o1", "mugs", items) }

func release() *asynccalls.Request {
	return message.Request(stock.Service, "/release/o1", "mugs", items)
}

func charge() *asynccalls.Request {
	return message.Request(payments.Service, "/charge/o1", "o1", payments.Charge{Customer: "ann", Amount: 30})
}

func refund() *asynccalls.Request {
	return message.Request(payments.Service, "/refund/o1", "o1", struct{}{})
}

func settle() *asynccalls.Request {
	return message.Request(orders.Service, "/settle/o1", "o1", struct{}{})
}

// refuse returns what refuses every request.
func refuse(status int) asynccalls.Handler {
	return asynccallstest.Script(message.Refusal(status, "no"))
}

// gets fails the test unless a request was answered with the first n steps of an order, and
// ended with a status; 0 is for an end that no service has sent.
func gets(t testing.TB, got *asynccallstest.Result, n, status int) {
	t.Helper()
	all := []*asynccalls.Response{
		message.Response(orders.Progress{State: orders.Reserved}),
		message.Response(orders.Progress{State: orders.Paid}),
		message.Response(orders.Progress{State: orders.Shipped, Parcel: 7}),
	}
	asynccallstest.Equal(t, got.Responses, all[:n]...)
	if message.Status(got.Err) != status {
		t.Errorf("the call ended with %v, want status %d", got.Err, status)
	}
}

// is waits until nothing is left to do, and fails the test unless order o1 is in that
// state and has that trouble.
func (s *fixture) is(t testing.TB, state orders.State, trouble string) {
	t.Helper()
	s.b.Wait()
	got, err := s.db.Status("o1")
	if err != nil || got.State != state || got.Trouble != trouble {
		t.Errorf("order o1 is %+v, %v; want %s, trouble %q", got, err, state, trouble)
	}
}

// asks fails the test unless the service has sent these requests, and no others, to other
// services.
func (s *fixture) asks(t testing.TB, want ...*asynccalls.Request) {
	t.Helper()
	s.b.Wait()
	var got []*asynccalls.Request
	for _, r := range s.Sent() {
		if r.Service != orders.Service {
			got = append(got, r)
		}
	}
	asynccallstest.Equal(t, got, want...)
}

// knows fails the test unless a request was answered with a status of an order.
func knows(t testing.TB, got *asynccallstest.Result, want orders.Status) {
	t.Helper()
	asynccallstest.Equal(t, got.Responses, message.Response(want))
	if got.Err != nil {
		t.Error(got.Err)
	}
}

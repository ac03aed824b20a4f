package stock_test

import (
	"testing"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/examples/shop/internal/message"
	"github.com/asynccalls/asynccalls/examples/shop/stock"
)

// fixture is the service in a test.
type fixture struct {
	*asynccallstest.Instance

	b  *asynccallstest.Broker
	db *stock.DB
}

// with runs a test of the service, with three mugs on the shelf.
func with(t *testing.T, body func(t testing.TB, s *fixture)) {
	t.Helper()
	asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) { body(t, start(b)) })
}

// start starts the service as its program does.
func start(b *asynccallstest.Broker) *fixture {
	db := stock.NewDB(map[string]int{"mugs": 3})
	s := b.Start(func(d driver.Driver) (*asynccalls.Service, error) { return stock.New(d, db) })
	return &fixture{s, b, db}
}

// about returns a request about some mugs.
func about(endpoint string, quantity int) *asynccalls.Request {
	return message.Request(stock.Service, endpoint, "mugs", mugs(quantity))
}

func mugs(n int) stock.Items { return stock.Items{Article: "mugs", Quantity: n} }

// has fails the test unless there are so many mugs on the shelf.
func (s *fixture) has(t testing.TB, want int) {
	t.Helper()
	if got, err := s.db.Level("mugs"); got != want || err != nil {
		t.Errorf("%d mugs are on the shelf, %v; want %d", got, err, want)
	}
}

// answers fails the test unless a request came to that response and no other.
func answers(t testing.TB, got *asynccallstest.Result, want any) {
	t.Helper()
	if got.Err != nil || got.Verdict != asynccallstest.Done {
		t.Errorf("the call ended with %v, %v; want Done", got.Err, got.Verdict)
	}
	asynccallstest.Equal(t, got.Responses, message.Response(want))
}

// refuses fails the test unless a request was answered with a status alone, at once.
func refuses(t testing.TB, got *asynccallstest.Result, status int) {
	t.Helper()
	if message.Status(got.Err) != status || got.Verdict != asynccallstest.Failed || got.Attempts != 1 {
		t.Errorf("%v, %v after %d attempts; want status %d at once", got.Verdict, got.Err, got.Attempts, status)
	}
	asynccallstest.Equal(t, got.Responses)
}

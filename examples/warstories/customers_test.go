package warstories_test

import (
	"context"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/examples/warstories"
)

func TestCustomers(t *testing.T) {
	t.Parallel()
	s := story{
		bug:        renameAndBlock(warstories.WaitForEachOther),
		fix:        renameAndBlock(warstories.TellTheOther),
		failure:    "billing: DeadLettered: call customers/customers/ann/blocked: context deadline exceeded",
		deviations: 1,
		steps: []string{
			"but a minute late",
			"notes that ann is blocked", "sends req-3 to customers/customers/ann/blocked",
			"notes that ann is renamed",
			"billing: the broker stores the dead letter of req-2",
		},
	}
	s.tell(t)
}

// renameAndBlock has a customer renamed, and blocked a tenth of a second later.
func renameAndBlock(setup func(*asynccalls.Service, warstories.Facts)) body {
	return func(t testing.TB, b *asynccallstest.Broker) {
		db := facts{b}
		b.Start(serve("customers", func(s *asynccalls.Service) { warstories.Customers(s, db) }))
		billing := b.Start(serve("billing", func(s *asynccalls.Service) { setup(s, db) }))
		notify(t, b, "ann", "customers/customers/ann/rename", "")
		<-time.After(100 * time.Millisecond)
		r := asynccalls.NewRequest("billing", "/customers/ann/block", nil)
		r.Key = "ann"
		if got := billing.Notify(r); got.Verdict != asynccallstest.Done {
			t.Errorf("billing: %v: %v", got.Verdict, got.Cause)
		}
		b.Wait()
	}
}

// facts is a database that nobody reads.
type facts struct{ b *asynccallstest.Broker }

func (f facts) Note(ctx context.Context, customer, fact string) error {
	f.b.Step(ctx, "notes that "+customer+" is "+fact)
	return nil
}

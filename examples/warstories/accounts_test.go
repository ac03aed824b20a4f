package warstories_test

import (
	"context"
	"testing"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/examples/warstories"
)

func TestAccounts(t *testing.T) {
	t.Parallel()
	s := story{
		bug:        leaveAtOnce(warstories.Resurrect),
		fix:        leaveAtOnce(warstories.Bury),
		failure:    "account 17 is open, want it deleted",
		deviations: 1,
		steps:      []string{"removes the row of 17", "inserts a row for 17"},
	}
	s.tell(t)
}

// leaveAtOnce has an account opened and deleted.
func leaveAtOnce(setup func(*asynccalls.Service, warstories.Accounts)) body {
	return func(t testing.TB, b *asynccallstest.Broker) {
		db := &accounts{b: b, rows: make(map[string]string)}
		b.Start(serve("accounts", func(s *asynccalls.Service) { setup(s, db) }))
		notify(t, b, "tenant 3", "accounts/accounts/17/open", "")
		notify(t, b, "17", "accounts/accounts/17/delete", "")
		b.Wait()
		if db.rows["17"] == "open" {
			t.Error("account 17 is open, want it deleted")
		}
	}
}

// accounts is a table: the state of each account.
type accounts struct {
	b    *asynccallstest.Broker
	rows map[string]string
}

func (a *accounts) Insert(ctx context.Context, id string) error {
	a.b.Step(ctx, "inserts a row for "+id)
	if a.rows[id] == "" {
		a.rows[id] = "open"
	}
	return nil
}

func (a *accounts) Remove(ctx context.Context, id string) error {
	a.b.Step(ctx, "removes the row of "+id)
	delete(a.rows, id)
	return nil
}

func (a *accounts) Bury(ctx context.Context, id string) error {
	a.b.Step(ctx, "buries "+id)
	a.rows[id] = "deleted"
	return nil
}

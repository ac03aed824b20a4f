package warstories

import (
	"context"

	"github.com/asynccalls/asynccalls"
)

// Accounts is a table of a database. Each method is one statement.
type Accounts interface {
	// Insert makes a row, unless there is one.
	Insert(ctx context.Context, id string) error

	// Remove removes the row, if there is one.
	Remove(ctx context.Context, id string) error

	// Bury marks the row as deleted, and makes it if there is none.
	Bury(ctx context.Context, id string) error
}

// Resurrect has a service open and delete accounts.
//
// In production: accounts were opened with the tenant for a key, and deleted with the
// account for a key, so that nothing kept the two in order. A customer who left at
// once was deleted first and opened then, and got mail for a year.
func Resurrect(s *asynccalls.Service, accounts Accounts) {
	open := func(ctx context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
		return accounts.Insert(ctx, r.PathValue("id"))
	}
	remove := func(ctx context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
		return accounts.Remove(ctx, r.PathValue("id"))
	}
	s.Handle("/accounts/{id}/open", open)
	s.Handle("/accounts/{id}/delete", remove)
}

// Bury is the fix. It holds because to delete leaves a row that says so, and to open
// does nothing where a row is: both orders come to the same, however often either is
// repeated. If all senders gave both requests the same key, they would come in order;
// that is good as well, but the service cannot see to it.
func Bury(s *asynccalls.Service, accounts Accounts) {
	open := func(ctx context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
		return accounts.Insert(ctx, r.PathValue("id"))
	}
	bury := func(ctx context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
		return accounts.Bury(ctx, r.PathValue("id"))
	}
	s.Handle("/accounts/{id}/open", open)
	s.Handle("/accounts/{id}/delete", bury)
}

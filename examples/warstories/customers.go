package warstories

import (
	"context"

	"github.com/asynccalls/asynccalls"
)

// Facts is the database of a service: what it knows about each customer.
type Facts interface {
	// Note adds a fact; twice is as good as once.
	Note(ctx context.Context, customer, fact string) error
}

// Customers is the service that knows the names of customers. It renames one, and
// waits until billing has the new name too.
func Customers(s *asynccalls.Service, facts Facts) {
	rename := func(ctx context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
		if err := facts.Note(ctx, r.PathValue("id"), "renamed"); err != nil {
			return err
		}
		_, err := s.CallOne(ctx, about(r, "billing", "renamed"))
		return err
	}
	s.Handle("/customers/{id}/rename", rename)
	note(s, facts, "blocked")
}

// WaitForEachOther is billing. It blocks a customer who does not pay, and waits until
// the service of customers knows.
//
// In production: requests about one customer have one key, so that only one is handled
// at a time. The customers' service was a minute behind, with a rename to do, when
// billing blocked that customer: the rename waited for billing to be done with the
// customer, and billing waited behind the rename, until both met their deadlines, again
// and again.
func WaitForEachOther(s *asynccalls.Service, facts Facts) {
	blocking(s, facts, func(ctx context.Context, r *asynccalls.Request) error {
		_, err := s.CallOne(ctx, r)
		return err
	})
}

// TellTheOther is the fix. It holds because only one of the two waits for the other. Who
// waits in a handler holds its key like a lock, and locks that are taken in one order
// only make no circle. What billing tells is as sure to arrive: the request is stored
// when Notify returns.
func TellTheOther(s *asynccalls.Service, facts Facts) {
	blocking(s, facts, func(ctx context.Context, r *asynccalls.Request) error {
		return s.Notify(ctx, r)
	})
}

func blocking(s *asynccalls.Service, facts Facts, tell func(context.Context, *asynccalls.Request) error) {
	block := func(ctx context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
		if err := facts.Note(ctx, r.PathValue("id"), "blocked"); err != nil {
			return err
		}
		return tell(ctx, about(r, "customers", "blocked"))
	}
	s.Handle("/customers/{id}/block", block)
	note(s, facts, "renamed")
}

// note has a service note what the other has to say of a customer.
func note(s *asynccalls.Service, facts Facts, fact string) {
	h := func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
		if err := facts.Note(ctx, r.PathValue("id"), fact); err != nil {
			return err
		}
		return w.Send(ctx, asynccalls.NewResponse([]byte("noted")))
	}
	s.Handle("/customers/{id}/"+fact, h)
}

// about returns a request about the same customer as another.
func about(r *asynccalls.Request, service, what string) *asynccalls.Request {
	next := asynccalls.NewRequest(service, "/customers/"+r.PathValue("id")+"/"+what, nil)
	next.Key = r.Key
	return next
}

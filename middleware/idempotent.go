package middleware

import (
	"context"
	"fmt"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/asynccalls/asynccalls"
)

// Store remembers what was done. It is safe for concurrent use.
type Store interface {
	// Done reports whether an ID was marked.
	Done(ctx context.Context, id string) (bool, error)

	// Mark remembers an ID.
	Mark(ctx context.Context, id string) error
}

// Idempotent skips requests that were handled already, by their IDs: what Kafka
// delivers a second time, after a crash or a rebalance, has no second effect. A
// request is marked when its handler has succeeded, so that one that failed is tried
// again. A crash between the effect and the mark lets the effect happen again: for
// effects in a database that must happen exactly once, write the mark in the same
// transaction, in the handler.
//
// It is for endpoints that send no responses, as a request that is skipped has none.
// If the store fails, the handler is not run, and the error is its error.
func Idempotent(s Store) asynccalls.Middleware {
	return func(next asynccalls.Handler) asynccalls.Handler {
		return func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
			return once(ctx, s, r.ID, func() error { return next(ctx, w, r) })
		}
	}
}

// IdempotentResponses skips responses that were handled already, as [Idempotent] does
// requests. A request that is handled again has new responses, with another Run: those
// are not skipped.
func IdempotentResponses(s Store) asynccalls.ResponseMiddleware {
	return func(next asynccalls.ResponseHandler) asynccalls.ResponseHandler {
		return func(ctx context.Context, r *asynccalls.Response) error {
			return once(ctx, s, r.ID, func() error { return next(ctx, r) })
		}
	}
}

func once(ctx context.Context, s Store, id string, do func() error) error {
	done, err := s.Done(ctx, id)
	if err != nil {
		return fmt.Errorf("look up whether %s was handled: %w", id, err)
	}
	if done {
		return nil
	}
	if err := do(); err != nil {
		return err
	}
	if err := s.Mark(ctx, id); err != nil {
		return fmt.Errorf("mark %s as handled: %w", id, err)
	}
	return nil
}

// memory is a Store in memory.
type memory struct{ seen *lru.Cache[string, struct{}] }

// NewMemory returns a Store in memory that remembers the last n IDs, about 150 bytes
// each. It catches what is delivered again to the same process, as after a rebalance
// that gives a partition back, and nothing after a restart or in another process. It
// panics if n is not positive.
func NewMemory(n int) Store {
	seen, err := lru.New[string, struct{}](n)
	if err != nil {
		panic(fmt.Sprintf("middleware: memory for %d IDs: %v", n, err)) //nolint:forbidigo // misuse while setting up
	}
	return &memory{seen}
}

func (m *memory) Done(_ context.Context, id string) (bool, error) {
	_, done := m.seen.Get(id) // and is used from now on
	return done, nil
}

func (m *memory) Mark(_ context.Context, id string) error {
	m.seen.Add(id, struct{}{})
	return nil
}

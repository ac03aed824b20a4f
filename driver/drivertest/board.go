package drivertest

import (
	"context"
	"sync"
)

// A board is state that goroutines change and others wait for.
type board struct {
	mu      sync.Mutex    // guards changed, and whatever is touched within update and await
	changed chan struct{} // closed by the next update; nil if nobody waits
}

// update changes the state and wakes those who wait for it.
func (b *board) update(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// await waits until condition holds. It returns the error of ctx if that ends
// first.
func (b *board) await(ctx context.Context, condition func() bool) error {
	for {
		changed := b.check(condition)
		if changed == nil {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (b *board) check(condition func() bool) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if condition() {
		return nil
	}
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	return b.changed
}

package asynccalls

import (
	"context"

	"github.com/asynccalls/asynccalls/internal/stage"
)

// runOf returns the run of the handler that has this context, or nil outside of
// handlers.
func runOf(ctx context.Context) *run {
	r, _ := ctx.Value(stage.Key{}).(*run)
	return r
}

// lend gives the slot of the handler away as long as a goroutine of it waits for
// something else.
func (r *run) lend() {
	g := r.message.group
	g.mu.Lock()
	defer g.mu.Unlock()
	g.slots.Lend(&r.slot)
	g.wakeWorker()
}

// regain takes a slot again, and waits for one as long as the handler has time.
func (r *run) regain() {
	g := r.message.group
	g.mu.Lock()
	mayGoOn := g.slots.Return(&r.slot)
	turn := r.slot.Turn
	g.mu.Unlock()
	if mayGoOn {
		return
	}
	select {
	case <-turn:
	case <-r.ctx.Done():
		g.mu.Lock()
		defer g.mu.Unlock()
		g.slots.Abandon(&r.slot)
	}
}

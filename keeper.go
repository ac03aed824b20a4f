package asynccalls

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/delivery"
)

// commitInterval is how old a record that is done gets before it is committed,
// and so about how much is handled again after a crash.
const commitInterval = 250 * time.Millisecond

// keeper is the one committer of a group (semantics 2.2). It also lets the
// receive loop go on when a paused partition may be resumed, and repairs runs of
// which something was not stored. It sleeps while there is nothing to keep.
type keeper struct {
	g       *group
	wake    chan struct{} // gets an element when there is something to see to at once
	active  atomic.Bool   // the keeper looks every commitInterval
	pressed atomic.Bool   // a partition is paused: each record that is done may matter
	turn    chan struct{} // holds an element while positions are collected and committed: they never go back

	mu       sync.Mutex // guards troubled
	troubled []*run     // bounded by the windows of the partitions
}

func newKeeper(g *group) *keeper {
	return &keeper{g: g, wake: make(chan struct{}, 1), turn: make(chan struct{}, 1)}
}

// busy tells the keeper that something was taken in.
func (k *keeper) busy() {
	if k.active.CompareAndSwap(false, true) {
		k.poke()
	}
}

// done tells the keeper that a record is done.
func (k *keeper) done() {
	if k.pressed.Load() {
		k.poke()
	}
}

// trouble hands the keeper a run of which something was not stored.
func (k *keeper) trouble(r *run) {
	k.mu.Lock()
	k.troubled = append(k.troubled, r)
	k.mu.Unlock()
	k.poke()
}

func (k *keeper) poke() {
	select {
	case k.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// run is the keeper's loop, until the group's context ends.
func (k *keeper) run() {
	timer := time.NewTimer(commitInterval)
	timer.Stop()
	armed := false
	for {
		if !armed && k.active.Load() {
			timer.Reset(commitInterval)
			armed = true
		}
		select {
		case <-k.g.ctx.Done():
			return
		case <-k.wake:
			k.repair()
			k.relieve()
		case <-timer.C:
			armed = false
			k.repair()
			k.relieve()
			ctx, cancel := context.WithTimeout(k.g.ctx, attempt)
			if err := k.commit(ctx); err != nil && k.g.ctx.Err() == nil {
				k.g.logger.WarnContext(k.g.base, "commit, trying again", "error", err)
			}
			cancel()
			k.rest()
		}
	}
}

// rest lets the keeper sleep if nothing is left to keep.
func (k *keeper) rest() {
	k.active.Store(false)
	k.g.mu.Lock()
	defer k.g.mu.Unlock()
	for _, a := range k.g.assigned {
		if _, _, pending := a.Window.Uncommitted(); pending || a.Window.Len() > 0 {
			k.active.Store(true)
			return
		}
	}
}

// commit stores how far each assigned partition is done.
func (k *keeper) commit(ctx context.Context) error {
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	var positions []driver.Position
	var windows []*delivery.Window
	k.g.mu.Lock()
	for p, a := range k.g.assigned {
		a.Window.Advance()
		if offset, epoch, ok := a.Window.Uncommitted(); ok {
			positions = append(positions, driver.Position{Partition: p, Offset: offset, Epoch: epoch})
			windows = append(windows, a.Window)
		}
	}
	k.g.mu.Unlock()
	if len(positions) == 0 {
		return nil
	}
	if err := k.g.member.Commit(ctx, positions...); err != nil {
		return err
	}
	k.g.mu.Lock()
	defer k.g.mu.Unlock()
	for i, w := range windows {
		w.Committed(positions[i].Offset)
	}
	return nil
}

// relieve interrupts the receive loop if a partition may be resumed.
func (k *keeper) relieve() {
	g := k.g
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, a := range g.assigned {
		a.Window.Advance()
		_, changed := a.Window.Pressure()
		g.repause = g.repause || changed
	}
	if g.repause && g.interrupt != nil {
		g.interrupt()
	}
}

// repair goes on with the runs whose time has come.
func (k *keeper) repair() {
	k.mu.Lock()
	troubled := k.troubled
	k.troubled = nil
	k.mu.Unlock()
	now := time.Now()
	var later []*run
	for _, r := range troubled {
		if !r.repair(now) {
			later = append(later, r)
		}
	}
	k.mu.Lock()
	k.troubled = append(k.troubled, later...)
	k.mu.Unlock()
}

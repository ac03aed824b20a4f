package asynccalls

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynccalls/asynccalls/internal/topics"
)

// commitInterval is how old a record that is done gets before it is committed,
// and so about how much is handled again after a crash.
const commitInterval = 250 * time.Millisecond

// quietBroker is for how long the broker may acknowledge nothing before the time
// stands still for what waits to be acknowledged.
const quietBroker = 5 * time.Second

// keeper is the one committer of a group (semantics 2.2). It also lets the
// receive loop go on when a paused partition may be resumed, and repairs runs of
// which something was not stored. It sleeps while there is nothing to keep.
type keeper struct {
	g       *group
	wake    chan struct{} // gets an element when there is something to see to at once
	active  atomic.Bool   // the keeper looks every commitInterval
	pressed atomic.Bool   // a partition is paused: each record that is done may matter
	acked   atomic.Bool   // the broker has acknowledged something since the keeper looked last
	runs    atomic.Bool   // its loop does
	asked   atomic.Int64  // since when it owes a sign of life, in nanoseconds; 0 if it does not
	alive   time.Time     // when the keeper saw that last; used by run only
	turn    chan struct{} // holds an element while positions are collected and committed: they never go back

	committed atomic.Int64 // commits that the broker has stored
	refused   atomic.Int64 // commits that have failed

	restoring atomic.Bool // the topic of dead letters is being created again

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
	k.runs.Store(true)
	defer k.runs.Store(false)
	commit, retry := stoppedTimer(), stoppedTimer()
	defer commit.Stop()
	defer retry.Stop()
	armed := false
	for {
		if !armed && k.active.Load() {
			commit.Reset(commitInterval)
			armed = true
		}
		toCommit := false
		select {
		case <-k.g.ctx.Done():
			return
		case <-k.wake:
		case <-retry.C:
		case <-commit.C:
			armed, toCommit = false, true
		}
		k.asked.Store(0)
		k.repair()
		k.relieve()
		if due, ok := k.retry(); ok {
			retry.Reset(time.Until(due))
		}
		if toCommit { // last: it may take a while
			k.commitInTime()
			now := time.Now()
			k.giveUp(now)
			k.g.reportStuck(now)
			k.rest()
		}
	}
}

func stoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// retry lets the messages run again whose time has come, and returns when the
// next one's comes.
func (k *keeper) retry() (due time.Time, ok bool) {
	g := k.g
	g.mu.Lock()
	defer g.mu.Unlock()
	g.engine.Wake(time.Now())
	g.wakeWorker()
	return g.engine.Due()
}

// rest lets the keeper sleep if nothing is left to keep.
func (k *keeper) rest() {
	k.active.Store(false)
	k.g.mu.Lock()
	defer k.g.mu.Unlock()
	if k.g.engine.Pending() {
		k.active.Store(true)
	}
}

// commitInTime commits, and leaves it to the next time if that fails.
func (k *keeper) commitInTime() {
	ctx, cancel := context.WithTimeout(k.g.ctx, attempt)
	defer cancel()
	if err := k.commit(ctx); err != nil && k.g.ctx.Err() == nil {
		k.g.logger.WarnContext(k.g.base, "commit, trying again", "error", err)
	}
}

// acknowledged tells the keeper that the broker has acknowledged something.
func (k *keeper) acknowledged() {
	if !k.acked.Load() { // most often it is set, and others read it
		k.acked.Store(true)
	}
}

// giveUp sees to responses that the broker does not acknowledge, though it does
// acknowledge other things.
func (k *keeper) giveUp(now time.Time) {
	if k.acked.Swap(false) {
		k.alive = now
	}
	if now.Sub(k.alive) > quietBroker {
		return
	}
	k.g.s.outlets.look()
	k.g.mu.Lock()
	overdue := k.g.engine.Overdue()
	k.g.recycle()
	k.g.mu.Unlock()
	for _, t := range overdue {
		if m, ok := t.Owner.(*message); ok {
			m.current().giveUp()
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
	k.g.mu.Lock()
	c := k.g.engine.Commit()
	k.g.mu.Unlock()
	if len(c.Positions) == 0 {
		return nil
	}
	if err := k.g.member.Commit(ctx, c.Positions...); err != nil {
		k.refused.Add(1)
		return err
	}
	k.committed.Add(1)
	k.acknowledged()
	k.g.mu.Lock()
	defer k.g.mu.Unlock()
	k.g.engine.Committed(c)
	return nil
}

// undisturbed calls f while nothing is being committed, so that a position of an
// assignment that has ended is not stored in the next one.
func (k *keeper) undisturbed(f func()) {
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-k.g.ctx.Done():
	}
	f()
}

// relieve interrupts the receive loop if a partition may be resumed.
func (k *keeper) relieve() {
	g := k.g
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.engine.Relieved() && g.interrupt != nil {
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

// restoreDead creates the topic of dead letters again, which somebody has
// deleted. It does not wait for that.
func (k *keeper) restoreDead() {
	if !k.restoring.CompareAndSwap(false, true) {
		return
	}
	k.g.tasks.Go(func() {
		defer k.restoring.Store(false)
		if err := k.g.s.ensureTopics(k.g.ctx, func(error) {}, topics.Dead); err != nil && k.g.ctx.Err() == nil {
			k.g.logger.ErrorContext(k.g.base, "create the topic of dead letters", "error", err)
		}
	})
}

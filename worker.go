package asynccalls

import (
	"time"

	"github.com/asynccalls/asynccalls/internal/delivery"
)

// worker runs one handler at a time.
type worker struct {
	message *message         // whose handler runs
	began   time.Time        // that
	stuck   bool             // that was reported
	outcome delivery.Outcome // of the last one
}

// wakeWorker lets a worker look for work, if there is any and one is free or may
// be started. One at a time is on its way: it wakes the next when there is more
// than it can take, so that little work does not wake many. The lock is held.
func (g *group) wakeWorker() {
	if g.s.stage != nil {
		g.hand()
		return
	}
	if g.waking || g.stopping || g.engine.Ready() == 0 || !g.slots.Free() {
		return
	}
	switch {
	case g.idle > 0:
		g.waking = true
		g.work.Signal()
	case len(g.crew) < g.most():
		g.waking = true
		w := &worker{}
		g.crew[w] = struct{}{}
		go g.run(w) // ends after stopping is set; Listen waits until crew is empty
	}
}

// hand gives the messages that may be handled to the testing mode, which decides
// when that happens, and in which goroutine. The lock is held.
func (g *group) hand() {
	for !g.stopping {
		w := &worker{}
		if !g.take(w) {
			return
		}
		g.crew[w] = struct{}{}
		g.s.stage.Run(w.message.staged(), func(ok bool) { g.perform(w, ok) })
	}
}

// perform handles one message for the testing mode, if that says so.
func (g *group) perform(w *worker, ok bool) {
	defer func() { // also if the handler ends its goroutine
		g.mu.Lock()
		defer g.mu.Unlock()
		g.giveBack(w)
		delete(g.crew, w)
		g.wakeWorker()
		g.quiet.Broadcast()
	}()
	if !ok {
		return
	}
	g.mu.Lock()
	w.began = time.Now()
	g.mu.Unlock()
	w.message.run.execute(w)
}

// most returns how many workers there may be: one for each slot, and one for
// each handler that has given its slot away. The lock is held.
func (g *group) most() int { return g.s.config.limits.Concurrency + g.slots.Lent() }

// run is the loop of a worker. It goes on in another goroutine if a handler ends
// this one.
func (g *group) run(w *worker) {
	over := false
	defer func() {
		if !over {
			go g.run(w)
		}
	}()
	for g.next(w) {
		w.message.run.execute(w)
	}
	over = true
}

// next gives back what the worker did last and waits for what it does next. It
// returns false when the worker is to end.
func (g *group) next(w *worker) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.message != nil {
		g.giveBack(w)
	} else {
		g.waking = false // it was woken for the first time
	}
	for !g.stopping && len(g.crew) <= g.most() {
		if g.take(w) {
			g.wakeWorker()
			return true
		}
		g.idle++
		g.work.Wait()
		g.idle--
		g.waking = false
	}
	delete(g.crew, w)
	g.wakeWorker()
	g.quiet.Broadcast()
	return false
}

// take gives the worker the next message whose handler may run, and reports
// whether there is one. The lock is held.
func (g *group) take(w *worker) bool {
	if !g.slots.Free() || g.engine.Ready() == 0 {
		return false
	}
	now := time.Now()
	t := g.engine.Next(now)
	if t == nil {
		return false
	}
	m, _ := t.Owner.(*message)
	m.begin()
	w.began = now
	g.slots.Take(&m.run.slot)
	w.message = m
	return true
}

// giveBack takes in that the handler has returned which the worker ran. The lock
// is held.
func (g *group) giveBack(w *worker) {
	m := w.message
	w.message, w.stuck = nil, false
	g.slots.Release(&m.run.slot)
	var now time.Time
	if !w.outcome.Retry.IsZero() {
		now = time.Now()
		g.keeper.poke() // it wakes the message when it is time
	}
	g.engine.Finish(&m.task, w.outcome, now)
	if m.task.Assignment.Revoked() {
		g.quiet.Broadcast()
	}
	g.recycle() // also m, maybe
}

// reportStuck names each handler that has run for more than twice its limit, once
// (semantics 2.8). Nothing waits for it but its key.
func (g *group) reportStuck(now time.Time) {
	g.mu.Lock()
	var stuck []string
	for w := range g.crew {
		if w.message == nil || w.message.endpoint == nil {
			continue
		}
		if limit := 2 * w.message.endpoint.limit; !w.stuck && now.Sub(w.began) > limit {
			w.stuck = true
			stuck = append(stuck, w.message.String())
		}
	}
	g.mu.Unlock()
	for _, handler := range stuck {
		g.logger.ErrorContext(g.base, "handler is stuck: it runs for more than twice its limit", "handler", handler)
	}
}

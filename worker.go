package asynccalls

import "github.com/asynccalls/asynccalls/internal/delivery"

// wakeWorker lets a worker look for work, if there is any and one is free or may
// be started. One at a time is on its way: it wakes the next when there is more
// than it can take, so that little work does not wake many. The lock is held.
func (g *group) wakeWorker() {
	if g.waking || g.lanes.Ready() == 0 {
		return
	}
	switch {
	case g.idle > 0:
		g.waking = true
		g.work.Signal()
	case len(g.crew) < g.s.config.limits.Concurrency:
		g.waking = true
		w := &worker{}
		g.crew[w] = struct{}{}
		go g.run(w) // ends after stopping is set; Listen waits until crew is empty
	}
}

// run is the loop of a worker.
func (g *group) run(w *worker) {
	for fresh := true; ; fresh = false {
		t := g.next(w, fresh)
		if t == nil {
			return
		}
		r, _ := t.Owner.(*run)
		r.execute()
	}
}

// next releases what the worker did last and waits for what it does next. It
// returns nil when the worker is to end.
func (g *group) next(w *worker, fresh bool) *delivery.Task {
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.run != nil {
		g.lanes.Release(&w.run.task)
		if w.run.task.Assignment.Revoked() {
			g.quiet.Broadcast()
		}
		w.run = nil
	}
	if fresh {
		g.waking = false
	}
	for !g.stopping {
		if t := g.lanes.Next(); t != nil {
			w.run, _ = t.Owner.(*run)
			g.wakeWorker()
			return t
		}
		g.idle++
		g.work.Wait()
		g.idle--
		g.waking = false
	}
	delete(g.crew, w)
	g.quiet.Broadcast()
	return nil
}

package asynccalls

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/delivery"
	"github.com/asynccalls/asynccalls/internal/info"
	"github.com/asynccalls/asynccalls/internal/slab"
	"github.com/asynccalls/asynccalls/internal/topics"
)

const (
	// groupBatch is how many messages are received at once.
	groupBatch = 1024

	// runChunk is how many runs of handlers are allocated at once.
	runChunk = 8

	// maxFree bounds the messages that are kept to be used again: 2 MB.
	maxFree = 4 * groupBatch

	// patience is how long the receive loop waits for workers to catch up before
	// it pauses a partition.
	patience = 20 * time.Millisecond
)

// group is this service's member of its consumer group: it receives requests
// and responses, has workers run their handlers, and commits what is done.
//
// Goroutines: Listen's own receives; workers, started when there is work, run
// handlers; one keeper commits, and repairs what was not stored. Listen waits
// for all of them, but for workers whose handlers do not stop.
type group struct {
	s         *Service
	logger    *slog.Logger
	responses string          // the topic for responses
	base      context.Context //nolint:containedctx // the values of Listen's and an info.Description; never ends
	ctx       context.Context //nolint:containedctx // for what the library sends itself, ends with the group
	stop      context.CancelFunc
	member    driver.Group
	keeper    *keeper
	serving   sync.Once
	left      atomic.Int64     // when the receive loop came out of the driver, in nanoseconds; 0 while it is in there
	known     map[string]int32 // partitions of each topic, as far as they are known; used by the receive loop only
	paused    int              // partitions; used by the receive loop only
	tasks     sync.WaitGroup   // goroutines other than workers

	// The following are used by the receive loop only.
	messages     []*message   // of the batch that is taken in
	texts        slab.Text    // of messages
	requestRuns  []requestRun // to be used
	responseRuns []responseRun

	mu        sync.Mutex // guards what follows
	free      []*message // that were used before
	work      sync.Cond  // signals a worker that there is something to do
	quiet     sync.Cond  // broadcasts that a handler has returned, or a worker ended
	engine    *delivery.Engine
	slots     *delivery.Slots
	crew      map[*worker]struct{}
	idle      int
	waking    bool               // a worker was woken and has not looked for work yet
	draining  bool               // nothing is taken in any more
	out       bool               // the group has put this member out
	stopping  bool               // workers end
	interrupt context.CancelFunc // ends the Receive of the moment, if a partition is paused
}

var _ driver.Listener = (*group)(nil)

func newGroup(ctx context.Context, s *Service) *group {
	g := &group{
		s:         s,
		logger:    s.logger,
		responses: s.topic(s.id, topics.Responses),
		base:      context.WithValue(context.WithoutCancel(ctx), info.Key{}, s.description()),
		known:     make(map[string]int32),
		engine:    delivery.NewEngine(s.config.bound()),
		slots:     delivery.NewSlots(s.config.limits.Concurrency),
		crew:      make(map[*worker]struct{}),
	}
	g.ctx, g.stop = context.WithCancel(g.base)
	g.work.L, g.quiet.L = &g.mu, &g.mu
	g.keeper = newKeeper(g)
	return g
}

// receive takes messages in until ctx ends, or until there is no more to be
// had. Then it goes on, as long as ctx says, without taking anything in, so
// that the other members of the group need not wait for this one.
func (g *group) receive(ctx context.Context, buf []driver.Record) error {
	for ctx.Err() == nil {
		n, err := g.receiveOnce(ctx, buf)
		var lost *driver.LostError
		switch {
		case err == nil:
			g.admit(buf[:n]) //nolint:contextcheck // handlers outlive the ctx of receiving
			clear(buf[:n])
		case errors.As(err, &lost):
			g.lose(lost)
		case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		default:
			return err
		}
	}
	return nil
}

// receiveOnce receives from the partitions that are not paused.
func (g *group) receiveOnce(ctx context.Context, buf []driver.Record) (int, error) {
	paused, changed := g.pauses()
	if len(paused) > g.paused && !g.drains() {
		paused = g.catchUp(ctx, paused)
	}
	if changed {
		g.member.Pause(paused)
		g.paused = len(paused)
	}
	if len(paused) == 0 {
		return g.enter(ctx, buf)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if !g.interruptible(cancel) {
		return 0, context.Canceled
	}
	return g.enter(ctx, buf)
}

// enter receives, and notes when the loop comes back.
func (g *group) enter(ctx context.Context, buf []driver.Record) (int, error) {
	g.left.Store(0)
	defer func() { g.left.Store(time.Now().UnixNano()) }()
	return g.member.Receive(ctx, buf)
}

// catchUp gives the workers a moment before partitions are paused: what a client
// library has fetched of a paused partition, it may have to fetch again. It returns
// those that are to be paused then.
func (g *group) catchUp(ctx context.Context, paused []driver.Partition) []driver.Partition {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for len(paused) > g.paused && ctx.Err() == nil {
		relief, interrupt := context.WithCancel(ctx)
		if g.interruptible(interrupt) {
			<-relief.Done()
		}
		interrupt()
		paused, _ = g.pauses()
	}
	return paused
}

// interruptible has interrupt called when the set of paused partitions changes.
// It reports whether it has not changed already.
func (g *group) interruptible(interrupt context.CancelFunc) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.interrupt = interrupt
	return !g.engine.Relieved()
}

// pauses returns the partitions to pause, and whether they have changed.
func (g *group) pauses() (paused []driver.Partition, changed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.interrupt = nil
	paused, changed = g.engine.Paused()
	g.keeper.pressed.Store(len(paused) > 0)
	return paused, changed
}

// admit takes in what was received.
func (g *group) admit(records []driver.Record) {
	messages := g.blanks(len(records))
	defer clear(messages)
	for i, m := range messages {
		g.decode(m, &records[i])
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.draining {
		return
	}
	for i, m := range messages {
		g.engine.Take(&m.task, &records[i], size(&records[i]))
	}
	g.wakeWorker()
	g.keeper.busy()
}

// blanks returns n messages to be filled in.
func (g *group) blanks(n int) []*message {
	messages := g.messages[:0]
	g.mu.Lock()
	left := max(len(g.free)-n, 0)
	messages = append(messages, g.free[left:]...)
	clear(g.free[left:])
	g.free = g.free[:left]
	g.mu.Unlock()
	for len(messages) < n {
		messages = append(messages, &message{group: g})
	}
	g.messages = messages
	return messages
}

// recycle keeps messages that are done to be used again. The lock is held.
func (g *group) recycle() {
	for t := g.engine.Over(); t != nil; t = g.engine.Over() {
		if m, _ := t.Owner.(*message); len(g.free) < maxFree && m.again() {
			g.free = append(g.free, m)
		}
	}
}

// size is the length of what a record holds.
func size(r *driver.Record) int {
	n := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}

// lose follows the broker when it has lost records.
func (g *group) lose(lost *driver.LostError) {
	g.logger.ErrorContext(g.base, "messages lost", "topic", lost.Topic, "partition", lost.ID,
		"from", lost.From, "to", lost.To)
	g.s.tellGap(lost)
	if lost.To > lost.From {
		return
	}
	// The log goes on at offsets that were used before: nothing that was
	// received earlier may move the commit point.
	g.Lost([]driver.Partition{lost.Partition})
	g.Assigned([]driver.Partition{lost.Partition})
}

// Assigned implements [driver.Listener].
func (g *group) Assigned(partitions []driver.Partition) {
	g.warnOfGrowth(partitions)
	g.keeper.undisturbed(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.out = false
		g.engine.Assign(partitions)
	})
	g.s.tellAssigned(partitions)
	g.serving.Do(func() {
		g.s.wait(nil)
		close(g.s.serving)
	})
}

// warnOfGrowth warns of topics that have more partitions than before: keys go to
// other partitions now, so that messages of one key can be in two of them, and
// their order is lost (semantics 2.3).
func (g *group) warnOfGrowth(partitions []driver.Partition) {
	for _, p := range partitions {
		if before := g.known[p.Topic]; p.ID >= before {
			g.known[p.Topic] = p.ID + 1
			g.logger.WarnContext(g.base, "topic has grown: messages of one key may be handled out of order "+
				"until those sent before are done", "topic", p.Topic, "partitions before", before)
		}
	}
}

// Revoked implements [driver.Listener]: nothing more of the partitions is
// started, what runs may end within the grace period, and what is done then is
// committed.
func (g *group) Revoked(ctx context.Context, partitions []driver.Partition) {
	grace, cancel := context.WithTimeout(ctx, g.s.config.limits.Grace)
	defer cancel()
	revoked := g.revoke(partitions)
	if !g.await(grace, func() bool { return !running(revoked) }) {
		g.cutOff(revoked, ErrRevoked)
	}
	ctx, cancel = context.WithTimeout(ctx, attempt)
	defer cancel()
	if err := g.s.driver.Flush(ctx); err != nil {
		g.logger.WarnContext(ctx, "flush before partitions go", "error", err)
	}
	if err := g.keeper.commit(ctx); err != nil {
		g.logger.WarnContext(ctx, "commit before partitions go", "error", err)
	}
	g.forget(partitions)
	g.s.tellRevoked(partitions)
}

// Lost implements [driver.Listener]: the partitions may be another member's
// already.
func (g *group) Lost(partitions []driver.Partition) {
	g.cutOff(g.revoke(partitions), ErrRevoked)
	g.forget(partitions)
	g.mu.Lock()
	g.out = g.engine.Empty()
	g.mu.Unlock()
	g.s.tellRevoked(partitions)
}

func (g *group) revoke(partitions []driver.Partition) []*delivery.Assignment {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.engine.End(partitions)
}

func (g *group) forget(partitions []driver.Partition) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.engine.Forget(partitions)
}

// cutOff ends the contexts of handlers that still run for assignments, and
// makes what they do count for nothing.
func (g *group) cutOff(assignments []*delivery.Assignment, cause error) {
	g.mu.Lock()
	var stragglers []*run
	for w := range g.crew {
		if w.message != nil && slices.Contains(assignments, w.message.task.Assignment) {
			stragglers = append(stragglers, w.message.run)
		}
	}
	g.mu.Unlock()
	for _, r := range stragglers {
		r.cut.Store(true)
		r.ctx.end(cause)
	}
}

func running(assignments []*delivery.Assignment) bool {
	return slices.ContainsFunc(assignments, func(a *delivery.Assignment) bool { return a.Running() > 0 })
}

// await waits until over is true, and reports whether ctx did not end before.
// over is called with the lock held.
func (g *group) await(ctx context.Context, over func() bool) bool {
	stop := context.AfterFunc(ctx, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.quiet.Broadcast()
	})
	defer stop()
	g.mu.Lock()
	defer g.mu.Unlock()
	for !over() {
		if ctx.Err() != nil {
			return false
		}
		g.quiet.Wait()
	}
	return true
}

package asynccalls

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/chance"
	"github.com/asynccalls/asynccalls/internal/delivery"
	"github.com/asynccalls/asynccalls/internal/stage"
)

// clockTolerance is how much the clocks of the broker and of this host may
// differ before a request is taken for expired (semantics 3.6).
const clockTolerance = 2 * time.Second

// run is one execution of the handler of a message. A worker executes it. The
// message is done when the handler has returned and the broker has acknowledged
// everything that the run sent, unless the message is to be tried again.
type run struct {
	message *message
	ctx     runContext
	slot    delivery.Slot // group.mu guards it

	// open counts what must be over before the message is done: the handler, and
	// each record on its way.
	open atomic.Int32
	cut  atomic.Bool                // what the handler still does counts for nothing
	dead atomic.Pointer[deadLetter] // the last one, if it was not stored

	mu       sync.Mutex // guards what follows, and is held while a response is handed to the driver
	head     string     // of the headers of its responses; set with the first one
	to       *outlet    // where its responses go; set before the first
	seq      int32      // of the next response
	ended    bool       // the last record of the run was handed over
	closed   bool       // the handler may not send any more
	repaired bool       // the run has failed because a response was not stored
	expires  bool       // the handler's time is that of its request; set before the handler is called

	failed atomic.Pointer[lostResponse] // the last response that turned out not to be stored
}

// lostResponse is a response that the broker did not store.
type lostResponse struct {
	seq    int32
	err    error
	before *lostResponse // that turned out before
}

// sorted returns the response and those before it, by their numbers.
func (l *lostResponse) sorted() []*lostResponse {
	var all []*lostResponse
	for ; l != nil; l = l.before {
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b *lostResponse) int { return cmp.Compare(a.seq, b.seq) })
	return all
}

var _ stage.Run = (*run)(nil)

// undelivered is the failure of a run because of that.
type undelivered struct{ lost *lostResponse }

func (u *undelivered) Error() string {
	return fmt.Sprintf("response %d: %v", u.lost.seq, u.lost.err)
}

func (u *undelivered) Unwrap() error { return u.lost.err }

// The ways in which a request fails that nobody waits for any more.
var (
	errExpired   = errors.New("the request expired before it was started")
	errOutOfTime = errors.New("the request expired while it was handled")
)

// errExited is how a handler fails that ended its goroutine, as a test does that
// fails.
var errExited = errors.New("the handler called runtime.Goexit")

// execute runs the handler and sees to what follows from its outcome. It is
// called by a worker.
func (r *run) execute(w *worker) {
	r.open.Store(1)
	err := errExited
	defer func() { w.outcome = r.finish(err, w.began) }()
	err = r.handle(w.began)
}

// finish does what the outcome of the handler demands, and returns it.
func (r *run) finish(err error, began time.Time) delivery.Outcome {
	if r.outOfTime(err) {
		err = errOutOfTime
	}
	var handled *Handled
	s := r.message.group.s
	if len(s.hooks.list()) > 0 {
		handled = r.message.handled(err)
		handled.Attempt, handled.Took = r.message.tries.Attempt(), time.Since(began)
		handled.Queued = max(began.Sub(r.message.record.time), 0)
	}
	outcome := r.conclude(err)
	if handled != nil {
		handled.Retry, handled.Dead = outcome.Retry, outcome.Dead
		s.tellHandled(&r.ctx, handled)
	}
	r.ctx.end(context.Canceled)
	if outcome.Retry.IsZero() {
		r.settle() // else never: the next run decides when the message is done
	}
	return outcome
}

// handle runs the handler, if the message may be handled.
func (r *run) handle(now time.Time) (err error) {
	m := r.message
	r.ctx.base = m.group.base //nolint:fatcontext // it is not nested: this run has no context before
	r.ctx.run, r.ctx.request = r, m.request
	r.ctx.deadline = now.Add(m.limit())
	if m.refusal != nil {
		return m.refusal
	}
	if m.request != nil && m.request.TTL > 0 {
		expiry := m.record.time.Add(m.request.TTL)
		if m.record.time.After(now) {
			expiry = now.Add(m.request.TTL)
		}
		if now.After(expiry.Add(clockTolerance)) {
			return errExpired
		}
		if expiry.Before(r.ctx.deadline) {
			r.ctx.deadline, r.expires = expiry, true
		}
	}
	defer func() {
		if p := recover(); p != nil {
			stack := debug.Stack()
			err = &stage.PanicError{Value: p, Stack: stack}
			m.logger().ErrorContext(m.group.base, "handler panicked", "panic", fmt.Sprint(p), "stack", string(stack))
		}
	}()
	if m.response != nil {
		if m.response.bare && !m.endpoint.ends {
			return nil
		}
		return m.endpoint.errors.decide(&r.ctx, m.endpoint.response(&r.ctx, m.response))
	}
	if !m.passed {
		if err := m.group.s.beforeReceive(&r.ctx, m.request); err != nil {
			return err
		}
		m.passed = true
	}
	return m.endpoint.errors.decide(&r.ctx, m.endpoint.handle(&r.ctx, r, m.request))
}

// outOfTime reports whether the handler has failed because the time of its request
// was over. Whoever waits for it knows that as well.
func (r *run) outOfTime(err error) bool {
	return r.expires && err != nil && classify(err).How == delivery.Fault &&
		errors.Is(err, context.DeadlineExceeded) && !time.Now().Before(r.ctx.deadline)
}

// conclude decides what becomes of the message, and sends and writes what that
// demands.
func (r *run) conclude(err error) delivery.Outcome {
	m := r.message
	failed := classify(err)
	if err != nil {
		failed.At, failed.Jitter = time.Now(), chance.Float64()
	}
	r.mu.Lock()
	r.closed = true
	if r.cut.Load() {
		r.mu.Unlock()
		r.open.Add(1) // never done here: the record belongs to another instance
		return delivery.Outcome{}
	}
	if m.tries == nil && err != nil {
		m.tries = new(delivery.Tries)
	}
	attempt := m.tries.Attempt()
	outcome := delivery.Decide(m.mode, failed, m.retry(), m.tries)
	r.report(stage.Outcome{Attempt: attempt, Err: err, How: failed.How, Outcome: outcome})
	if outcome.Retry.IsZero() && !r.repaired && r.failed.Load() != nil {
		r.mu.Unlock()
		return delivery.Outcome{} // replace concludes the run, since a response was not stored
	}
	why := r.answer(err, failed.How, &outcome)
	r.mu.Unlock()
	if outcome.Dead {
		r.bury(why)
	}
	if err != nil && !errors.Is(err, errExpired) {
		r.log(err, outcome)
	}
	return outcome
}

// report tells the testing mode how the run ended.
func (r *run) report(o stage.Outcome) {
	if observer := r.message.group.s.observer; observer != nil {
		o.Request = r.message.staged().Request
		observer.Concluded(o)
	}
}

// Step implements [stage.Run]: it lets the testing mode decide when, and whether, the handler goes on that does
// something through the library. No lock is held.
func (r *run) Step(what string) {
	if s := r.message.group.s.stage; s != nil {
		s.Step(r.message.staged(), what)
	}
}

// answer sends the end if there is to be one. A durable request becomes a dead
// letter if it cannot be sent. It returns why the message is one, if it is. The
// lock is held.
func (r *run) answer(err error, how delivery.Failure, outcome *delivery.Outcome) (why error) {
	if !outcome.End || r.ended || r.sendEnd(err, how) || r.message.mode != delivery.Durable || outcome.Dead {
		return err
	}
	outcome.Dead = true
	return errors.Join(err, errNoEnd)
}

func (r *run) log(err error, outcome delivery.Outcome) {
	m := r.message
	attributes := []any{"dead", outcome.Dead, "error", err}
	if !outcome.Retry.IsZero() {
		attributes = append(attributes, "retry", outcome.Retry)
	}
	m.logger().InfoContext(m.group.base, "message failed", attributes...)
}

// settle ends one of the things that the run waits for; after the last one it
// knows what became of it. It is called by workers and by the driver.
func (r *run) settle() {
	if r.open.Add(-1) > 0 {
		return
	}
	keeper := r.message.group.keeper
	if r.dead.Load() != nil || r.failed.Load() != nil {
		keeper.trouble(r)
		return
	}
	r.message.task.Done()
	keeper.done()
}

// giveUp ends the wait for responses that the broker has not acknowledged for a
// minute, though others. What was written all the same does no harm. A durable
// request goes to the dead letters: its caller may know nothing of how it ended.
// It is called by the keeper.
func (r *run) giveUp() {
	m := r.message
	g := m.group
	stored := letterState(m.grave.Load()) == letterStored
	switch {
	case letterState(m.grave.Load()) == letterOnItsWay || !r.detach(): // that counts, or it was repaired
		g.mu.Lock()
		defer g.mu.Unlock()
		g.engine.Await(&m.task)
		return
	case m.mode == delivery.Durable && !stored:
		last := &run{message: m}
		g.mu.Lock()
		m.run = last
		g.engine.Await(&m.task)
		g.mu.Unlock()
		last.open.Store(1)
		last.bury(errNotAcknowledged)
		last.settle()
	default:
		m.task.Done()
	}
	m.logger().WarnContext(g.base, "responses given up: the broker has not acknowledged them for a minute",
		"topic", r.to.topic)
}

// detach has the run never settle, unless it has already.
func (r *run) detach() bool {
	for {
		open := r.open.Load()
		if open <= 0 {
			return false
		}
		if r.open.CompareAndSwap(open, open+1) {
			return true
		}
	}
}

// repair goes on with a run of which something was not stored, and reports
// whether it was time to. It is called by the keeper.
func (r *run) repair(now time.Time) bool {
	d := r.dead.Load()
	if d != nil && now.Before(d.due) {
		return false
	}
	r.open.Store(1)
	if d != nil {
		r.message.logger().ErrorContext(r.message.group.base, "dead letter not stored, trying again", "error", d.err)
		if errors.Is(d.err, driver.ErrNoTopic) {
			r.message.group.keeper.restoreDead()
		}
		r.dead.Store(nil)
		r.publishDead(d)
	}
	if lost := r.failed.Swap(nil); lost != nil {
		r.replace(lost.sorted())
	}
	r.settle()
	return true
}

// replace ends the run with an error in the place of the first response that was
// not stored. If that one may be there after all, its number is taken, and its
// caller has got further: to the next one that was lost, or behind all that were
// sent. If the end cannot be stored either, the caller finds out at its deadline.
func (r *run) replace(lost []*lostResponse) {
	err := &undelivered{lost[0]}
	if r.repaired {
		r.message.logger().ErrorContext(r.message.group.base, "response dropped", "error", err)
		return
	}
	r.repaired = true
	if r.message.mode == delivery.Durable {
		lost = lost[:1] // who gets these has no use for the numbers between
	}
	r.mu.Lock()
	behind := r.seq
	r.ended, r.seq = false, lost[0].seq
	r.mu.Unlock()
	outcome := r.conclude(err)
	if !outcome.End {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := 0; i < len(lost) && errors.Is(lost[i].err, ErrUnknownOutcome); i++ {
		r.seq = behind
		if i+1 < len(lost) {
			r.seq = lost[i+1].seq
		}
		r.sendEnd(err, delivery.Undelivered)
	}
}

package asynccalls

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/delivery"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// clockTolerance is how much the clocks of the broker and of this host may
// differ before a request is taken for expired (semantics 3.6).
const clockTolerance = 2 * time.Second

// run is one execution of a message: of a request, or of a response that a
// handler of responses gets. A worker executes it. Its record is done when the
// handler has returned and the broker has acknowledged everything that the run
// sent.
type run struct {
	task     delivery.Task
	group    *group
	record   driver.Record
	mode     delivery.Mode
	refusal  error     // why the message cannot be handled at all
	endpoint *endpoint // nil if there is none for it
	request  *Request  // or
	response *Response
	received Request // what request points to
	token    string  // of an awaited request
	ctx      runContext

	// open counts what must be over before the record is done: the handler, and
	// each record on its way.
	open atomic.Int32
	cut  atomic.Bool                // what the handler still does counts for nothing
	dead atomic.Pointer[deadLetter] // the last one, if it was not stored

	mu     sync.Mutex // guards what follows, and is held while a response is handed to the driver
	id     string     // of the run
	topic  string     // where its responses go
	seq    int32      // of the next response
	ended  bool       // the last record of the run was handed over
	closed bool       // the handler may not send any more

	failed   atomic.Pointer[lostResponse] // the first response that was not stored
	repaired bool                         // the run has failed because of it already
}

// lostResponse is a response that the broker did not store.
type lostResponse struct {
	seq int32
	err error
}

// errExpired is how a request fails that nobody waits for any more.
var errExpired = errors.New("the request expired before it was started")

// execute runs the handler and sees to what follows from its outcome. It is
// called by a worker.
func (r *run) execute() {
	r.open.Store(1)
	r.conclude(r.handle())
	r.ctx.end(context.Canceled)
	r.settle()
}

// handle runs the handler, if the message may be handled.
func (r *run) handle() (err error) {
	if r.refusal != nil {
		return r.refusal
	}
	now := time.Now()
	r.ctx.base = r.group.base //nolint:fatcontext // it is not nested: this run has no context before
	r.ctx.request = r.request
	r.ctx.deadline = now.Add(r.endpoint.limit)
	if r.request != nil && r.request.TTL > 0 {
		expiry := r.record.Time.Add(r.request.TTL)
		if r.record.Time.After(now) {
			expiry = now.Add(r.request.TTL)
		}
		if now.After(expiry.Add(clockTolerance)) {
			return errExpired
		}
		if expiry.Before(r.ctx.deadline) {
			r.ctx.deadline = expiry
		}
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
			r.group.logger.ErrorContext(r.group.base, "handler panicked",
				"source", r.source(), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	if r.response != nil {
		if r.response.bare && !r.endpoint.ends {
			return nil
		}
		return r.endpoint.response(&r.ctx, r.response)
	}
	return r.endpoint.handle(&r.ctx, r, r.request)
}

// conclude sends what the outcome of the handler demands.
func (r *run) conclude(err error) {
	outcome := delivery.Decide(r.mode, classify(err))
	r.mu.Lock()
	r.closed = true
	if r.cut.Load() {
		r.mu.Unlock()
		r.open.Add(1) // never done here: the record belongs to another instance
		return
	}
	if outcome.End && !r.ended {
		r.sendEnd(err)
	}
	r.mu.Unlock()
	if outcome.Dead {
		r.bury(err)
	}
	if err != nil && !errors.Is(err, errExpired) {
		r.group.logger.InfoContext(r.group.base, "message failed",
			"source", r.source(), "dead", outcome.Dead, "error", err)
	}
}

// settle ends one of the things that the run waits for; after the last one it
// knows what became of it. It is called by workers and by the driver.
func (r *run) settle() {
	if r.open.Add(-1) > 0 {
		return
	}
	if r.dead.Load() != nil || r.failed.Load() != nil {
		r.group.keeper.trouble(r)
		return
	}
	r.task.Done()
	r.group.keeper.done()
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
		r.group.logger.ErrorContext(r.group.base, "dead letter not stored, trying again",
			"source", r.source(), "error", d.err)
		r.dead.Store(nil)
		r.publishDead(d)
	}
	if lost := r.failed.Swap(nil); lost != nil {
		r.replace(lost)
	}
	r.settle()
	return true
}

// replace ends the run with an error in the place of a response that was not
// stored. If that cannot be stored either, the caller finds out at its
// deadline.
func (r *run) replace(lost *lostResponse) {
	err := fmt.Errorf("response %d: %w", lost.seq, lost.err)
	if r.repaired {
		r.group.logger.ErrorContext(r.group.base, "response dropped", "source", r.source(), "error", err)
		return
	}
	r.repaired = true
	r.mu.Lock()
	r.ended, r.seq = false, lost.seq
	r.mu.Unlock()
	r.conclude(err)
}

// source tells in a log which message is meant.
func (r *run) source() string {
	return fmt.Sprintf("%s/%d@%d", r.record.Topic, r.record.Partition, r.record.Offset)
}

// String names the handler and the key, for whoever looks for what is stuck.
func (r *run) String() string {
	switch {
	case r.request != nil:
		return fmt.Sprintf("%s (key %q)", r.request.Endpoint, r.request.Key)
	case r.response != nil:
		return fmt.Sprintf("responses of %s%s (key %q)", r.response.Service, r.response.Endpoint, r.response.Key)
	default:
		return r.source()
	}
}

// classify says what kind of failure an error of a handler is.
func classify(err error) delivery.Failure {
	if err == nil {
		return delivery.Success
	}
	_, isUnserved := errors.AsType[*unserved](err)
	switch {
	case errors.Is(err, errExpired):
		return delivery.Expired
	case isUnserved:
		return delivery.Unserved
	case failure(err).Status < statusServerError:
		return delivery.Final
	default:
		return delivery.Fault
	}
}

// decode makes a run of a record, whatever is in it.
func (g *group) decode(record *driver.Record) *run {
	r := &run{group: g, record: *record}
	r.task.Owner = r
	ac, err := wire.Find(record.Headers)
	if err == nil {
		if record.Topic == g.responses {
			err = r.decodeResponse(ac)
		} else {
			err = r.decodeRequest(ac)
		}
	}
	if err != nil {
		r.mode = delivery.OneWay // there is nobody to answer
		r.refusal = &unserved{&Error{statusBadRequest, err.Error()}}
	}
	return r
}

func (r *run) decodeRequest(ac []byte) error {
	w, err := wire.DecodeRequest(ac)
	if err != nil {
		return err
	}
	switch w.Kind {
	case wire.KindCall:
		r.mode = delivery.Awaited
	case wire.KindSend:
		r.mode = delivery.Durable
	default:
		r.mode = delivery.OneWay
	}
	r.token = w.Token
	r.received = Request{
		ID:       w.ID,
		Service:  r.group.s.id,
		Endpoint: w.Endpoint,
		Key:      string(r.record.Key),
		From:     w.From,
		Header:   userHeaders(r.record.Headers),
		Body:     r.record.Value,
		TTL:      w.TTL,
		Attempt:  1,
		Source:   sourceOf(&r.record),
		sent:     1,
	}
	r.request = &r.received
	route := r.group.s.endpoints.Find(w.Endpoint)
	if route == nil {
		r.refusal = &unserved{&Error{statusNotFound, fmt.Sprintf("unknown endpoint %q", w.Endpoint)}}
		return nil
	}
	r.endpoint, r.request.pattern, r.task.Gate = route.Handler, route.Pattern, route.Handler.gate
	return nil
}

func (r *run) decodeResponse(ac []byte) error {
	w, err := wire.DecodeResponse(ac)
	if err != nil {
		return err
	}
	if w.Kind != wire.KindResponse {
		return fmt.Errorf("a response of kind %q is for the topic %s", w.Kind, repliesTopic)
	}
	r.mode = delivery.Response
	r.response = &Response{
		ID:        w.ID,
		RequestID: w.RequestID,
		Service:   w.Service,
		Endpoint:  w.Endpoint,
		Key:       string(r.record.Key),
		Run:       w.Run,
		Seq:       int(w.Seq),
		Status:    w.Status,
		End:       w.End,
		Header:    userHeaders(r.record.Headers),
		Body:      r.record.Value,
		Source:    sourceOf(&r.record),
		bare:      w.Bare,
		sent:      1,
	}
	if r.response.Key == w.RequestID {
		r.response.Key = "" // the stand-in for no key, see responseKey
	}
	mux := r.group.s.responses[w.Service]
	if mux == nil {
		r.refusal = &unserved{&Error{statusNotFound, fmt.Sprintf("no handler of responses of %q", w.Service)}}
		return nil
	}
	route := mux.Find(w.Endpoint)
	if route == nil {
		message := fmt.Sprintf("no handler of responses of %q for %q", w.Service, w.Endpoint)
		r.refusal = &unserved{&Error{statusNotFound, message}}
		return nil
	}
	r.endpoint, r.response.pattern, r.task.Gate = route.Handler, route.Pattern, route.Handler.gate
	return nil
}

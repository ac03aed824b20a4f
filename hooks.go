package asynccalls

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/asynccalls/asynccalls/driver"
)

// Hooks are functions that a service calls as its messages pass by. Any of them may
// be nil, and that costs nothing. It is an [Option]; [Service.UseHooks] adds hooks
// later. Those that were added first are called first.
//
// Only BeforeSend and BeforeReceive may change or refuse a message; [Middleware],
// [ResponseMiddleware] and [CallMiddleware] see, change and refuse responses. The
// others are told what has happened: they should be quick and must not wait, since
// the goroutine named with each has other work to do, and must not change what they
// are given. They are called concurrently where nothing else is said, with no lock
// held, and a panic of one is logged and ends there.
type Hooks struct {
	// BeforeSend may change a request before Call, Send or Notify sends it, or
	// refuse it: then it is not sent, and its error is that of the call, or in a
	// SendError. It is called in the goroutine of the sender, once for each request
	// that is to be sent.
	BeforeSend func(ctx context.Context, r *Request) error

	// AfterSend is told where the broker has stored a request, or why it was not
	// sent; ErrUnknownOutcome if nobody knows. It follows each BeforeSend of the same
	// Hooks that has let its request pass once, unless a call ends before its request
	// can be sent. It is called in a goroutine of the driver, or in that of the sender
	// if the request was not handed to the driver; ctx may have ended.
	AfterSend func(ctx context.Context, r *Request, at Source, err error)

	// BeforeReceive may change a request before a handler of this service gets it,
	// or refuse it: then it is answered with status 400 and the text of the error,
	// or with the status of an *Error from 400 to 499, and it is not tried again; a
	// durable or one-way request becomes a dead letter. A verdict, such as
	// Unavailable, and an *Error from 500 up are taken as from a handler. It is
	// called in the goroutine of the handler and with its context, before all
	// middleware; once, or until it has let the request pass.
	BeforeReceive func(ctx context.Context, r *Request) error

	// AfterHandle is told of each attempt at a request or response, also if no
	// handler was called because it was refused, unknown or expired. It is called
	// in the goroutine of the handler.
	AfterHandle func(ctx context.Context, h *Handled)

	// OnRetry is told of each failed attempt that is followed by another, after
	// AfterHandle.
	OnRetry func(ctx context.Context, h *Handled)

	// OnDeadLetter is told that a message becomes a dead letter, before that is
	// stored. It is called in the goroutine of the handler, or in the one that
	// commits.
	OnDeadLetter func(ctx context.Context, h *Handled)

	// OnLateResponse is told of a response to a call that has ended, also to one of
	// ErrSlowReader; Service, Endpoint and Key may be empty. OnDuplicateResponse is
	// told of one that is not delivered because another execution of the request has
	// sent it already. Both are called in the goroutine that receives responses, one
	// at a time.
	OnLateResponse, OnDuplicateResponse func(r *Response)

	// OnAssign is told which partitions this member of the group got, in addition
	// to those it has. OnRevoke is told which ones it does not have any more, also
	// when Listen ends: by then their handlers have ended or were cut off, and what is
	// done is committed. Both are called in the goroutine that receives, one at a time,
	// and hold up the group.
	OnAssign, OnRevoke func(partitions []driver.Partition)

	// OnGap is told that the broker has lost messages which were not received: those
	// from offset From up to To, or if To is not greater, the end of the log back to
	// To. It is called in the goroutine that receives.
	OnGap func(lost *driver.LostError)
}

// Handled is what hooks are told of an attempt at a message.
type Handled struct {
	// Request or Response is what was handled. Both are nil if the record was no
	// message of the protocol.
	Request  *Request
	Response *Response

	Pattern string        // of the handler; "" if there is none
	Attempt int           // 1 for the first in this delivery
	Queued  time.Duration // from when the message was sent, by the broker's clock, to this attempt
	Took    time.Duration // by the handler

	Err    error // why it failed, or why it is a dead letter; nil if it did not
	Status int   // what that comes to: 200, or that of an end of the call
	Retry  time.Time
	Dead   bool // it becomes a dead letter
}

func (h Hooks) apply(c *config) { c.hooks = append(c.hooks, h) }

// UseHooks adds hooks to those that the service has. It panics once Listen was
// called.
func (s *Service) UseHooks(h ...Hooks) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != fresh {
		err := errors.New("the service has begun to listen or was closed")
		panic(fmt.Sprintf("asynccalls: use hooks: %v", err)) //nolint:forbidigo // misuse while setting up
	}
	s.hooks.add(h)
}

// hookList is the hooks of a service. They can be added while others are called.
type hookList struct{ all atomic.Pointer[[]Hooks] }

// add is called by one goroutine at a time.
func (l *hookList) add(more []Hooks) {
	if len(more) > 0 {
		all := slices.Concat(l.list(), more)
		l.all.Store(&all)
	}
}

func (l *hookList) list() []Hooks {
	if all := l.all.Load(); all != nil {
		return *all
	}
	return nil
}

// tell calls hooks that cannot change anything. No lock is held.
func (s *Service) tell(name string, call func(h *Hooks)) {
	hooks := s.hooks.list()
	for i := range hooks {
		s.tellOne(name, &hooks[i], call)
	}
}

func (s *Service) tellOne(name string, h *Hooks, call func(h *Hooks)) {
	defer func() {
		if p := recover(); p != nil {
			s.logger.Error("hook panicked", "hook", name,
				"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	call(h)
}

// beforeSend lets hooks change or refuse a request. One that was sent before may be on
// its way and is not to be changed.
func (s *Service) beforeSend(ctx context.Context, r *Request) error {
	hooks := s.hooks.list()
	if len(hooks) > 0 && atomic.LoadUint32(&r.sent) != 0 {
		return errRequestSent
	}
	for i := range hooks {
		if before := hooks[i].BeforeSend; before != nil {
			if err := before(ctx, r); err != nil {
				err = fmt.Errorf("refused before it was sent: %w", err)
				s.tellSent(ctx, hooks[:i], r, Source{}, err)
				return err
			}
		}
	}
	return nil
}

// afterSend tells hooks of the outcome of a request that they have let pass.
func (s *Service) afterSend(ctx context.Context, r *Request, at Source, err error) {
	s.tellSent(ctx, s.hooks.list(), r, at, err)
}

func (s *Service) tellSent(ctx context.Context, hooks []Hooks, r *Request, at Source, err error) {
	for i := range hooks {
		s.tellOne("AfterSend", &hooks[i], func(h *Hooks) {
			if h.AfterSend != nil {
				h.AfterSend(ctx, r, at, err)
			}
		})
	}
}

// beforeReceive lets hooks change or refuse a request that was received.
func (s *Service) beforeReceive(ctx context.Context, r *Request) error {
	hooks := s.hooks.list()
	for i := range hooks {
		if before := hooks[i].BeforeReceive; before != nil {
			if err := before(ctx, r); err != nil {
				return refusal(err)
			}
		}
	}
	return nil
}

// refusal is what the error of a hook means.
func refusal(err error) error {
	if _, ok := errors.AsType[*verdict](err); ok {
		return err
	}
	e, ok := errors.AsType[*Error](err)
	switch {
	case !ok || e.Status < statusFailed || e.Status > statusLast:
		return &unserved{&Error{statusBadRequest, err.Error()}}
	case e.Status < statusServerError:
		return &unserved{e}
	default:
		return err
	}
}

// tellHandled tells hooks what became of an attempt.
func (s *Service) tellHandled(ctx context.Context, handled *Handled) {
	s.tell("AfterHandle", func(h *Hooks) {
		if h.AfterHandle != nil {
			h.AfterHandle(ctx, handled)
		}
	})
	if handled.Retry.IsZero() {
		return
	}
	s.tell("OnRetry", func(h *Hooks) {
		if h.OnRetry != nil {
			h.OnRetry(ctx, handled)
		}
	})
}

// tellDead tells hooks that the message of a run becomes a dead letter.
func (s *Service) tellDead(r *run, err error) {
	if len(s.hooks.list()) == 0 {
		return
	}
	ctx, handled := context.Context(&r.ctx), r.message.handled(err)
	handled.Attempt, handled.Dead = max(r.message.tries.Attempt()-1, 1), true
	if r.ctx.base == nil {
		ctx = r.message.group.base // no handler was called in this run
	}
	s.tell("OnDeadLetter", func(h *Hooks) {
		if h.OnDeadLetter != nil {
			h.OnDeadLetter(ctx, handled)
		}
	})
}

func (s *Service) tellLate(r *Response) {
	s.tell("OnLateResponse", func(h *Hooks) {
		if h.OnLateResponse != nil {
			h.OnLateResponse(r)
		}
	})
}

func (s *Service) tellDuplicate(r *Response) {
	s.tell("OnDuplicateResponse", func(h *Hooks) {
		if h.OnDuplicateResponse != nil {
			h.OnDuplicateResponse(r)
		}
	})
}

func (s *Service) tellAssigned(partitions []driver.Partition) {
	if len(partitions) == 0 {
		return
	}
	s.tell("OnAssign", func(h *Hooks) {
		if h.OnAssign != nil {
			h.OnAssign(partitions)
		}
	})
}

func (s *Service) tellRevoked(partitions []driver.Partition) {
	if len(partitions) == 0 {
		return
	}
	s.tell("OnRevoke", func(h *Hooks) {
		if h.OnRevoke != nil {
			h.OnRevoke(partitions)
		}
	})
}

func (s *Service) tellGap(lost *driver.LostError) {
	s.tell("OnGap", func(h *Hooks) {
		if h.OnGap != nil {
			h.OnGap(lost)
		}
	})
}

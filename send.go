package asynccalls

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/topics"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// Send sends requests whose responses go to the matching handlers of responses
// of this service, see [Service.HandleResponses]; without one a request is
// refused. Send waits until the broker has the requests, and never for a
// response. It does not need Listen, though the responses wait until some
// instance of this service listens.
//
// A nil error says that the broker has stored all requests, in all in-sync
// replicas. Otherwise the error joins a [*SendError] for each request that may
// be missing, and the others are sent. If ctx ends while the broker has not
// answered, or the outcome is not known otherwise, that error is
// [ErrUnknownOutcome]; any other error says that the request was not sent, and
// then it may be sent again.
func (s *Service) Send(ctx context.Context, r ...*Request) error {
	return s.send(ctx, wire.KindSend, r)
}

// Notify sends requests that ask for no response at all. It waits, and fails, as
// [Service.Send] does.
func (s *Service) Notify(ctx context.Context, r ...*Request) error {
	return s.send(ctx, wire.KindNotify, r)
}

// batch is the requests of one call of Send, and what became of them.
type batch struct {
	s        *Service
	ctx      context.Context //nolint:containedctx // of the one call of Send
	kind     wire.Kind
	requests []*Request
	done     chan struct{} // closed when no request is open

	mu       sync.Mutex // guards what follows
	outcomes []outcome
	open     int
}

type outcome struct {
	known bool
	err   error
}

func (s *Service) send(ctx context.Context, kind wire.Kind, requests []*Request) error {
	for _, r := range requests {
		s.step(ctx, "sends", r)
	}
	b := &batch{
		s:        s,
		ctx:      ctx,
		kind:     kind,
		requests: requests,
		done:     make(chan struct{}),
		outcomes: make([]outcome, len(requests)),
		open:     len(requests) + 1, // one for this function
	}
	for i, r := range requests {
		if o, err := s.prepare(ctx, b, i, r); err != nil {
			b.settle(i, err)
		} else {
			s.driver.Publish(ctx, &o.record, sent)
		}
	}
	b.release()
	select {
	case <-b.done:
	case <-ctx.Done():
	}
	for _, r := range requests {
		s.step(ctx, "has sent", r)
	}
	return b.failures(ctx)
}

// prepare checks and encodes a request. An error says that it was not sent.
func (s *Service) prepare(ctx context.Context, b *batch, i int, r *Request) (*outgoing, error) {
	if r == nil {
		return nil, errors.New("the request is nil")
	}
	switch {
	case s.closed():
		return nil, ErrClosed
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	if err := s.beforeSend(ctx, r); err != nil {
		return nil, err
	}
	o, err := s.prepareAllowed(ctx, b, i, r)
	if err != nil {
		s.afterSend(ctx, r, Source{}, err)
	}
	return o, err
}

// prepareAllowed checks and encodes a request that hooks have let pass.
func (s *Service) prepareAllowed(ctx context.Context, b *batch, i int, r *Request) (*outgoing, error) {
	if b.kind == wire.KindSend {
		if !s.handlesResponses(r.Service, r.Endpoint) {
			return nil, fmt.Errorf("no handler of responses of %s matches %q: register one, or use Notify",
				r.Service, r.Endpoint)
		}
		if err := s.durable.do(ctx, func() error {
			return s.ensureTopics(ctx, func(error) {}, topics.Responses)
		}); err != nil {
			return nil, err
		}
	}
	w := wire.Request{Kind: b.kind, ID: r.ID, Endpoint: r.Endpoint, From: s.id, TTL: r.TTL}
	o, err := s.encode(r, &w, b)
	if err == nil {
		o.index = i
	}
	return o, err
}

// encode makes the record of a request and marks the request as sent.
func (s *Service) encode(r *Request, w *wire.Request, owner any) (*outgoing, error) {
	topic, err := s.destination(r.Service)
	if err != nil {
		return nil, err
	}
	o := s.newOutgoing(topic, owner)
	err = o.setRequest(r, w)
	if err == nil && !r.claim() {
		err = errRequestSent
	}
	if err != nil {
		o.free()
		return nil, err
	}
	return o, nil
}

func (s *Service) handlesResponses(service, endpoint string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	mux := s.responses[service]
	return mux != nil && mux.Find(endpoint) != nil
}

// sent is called by the driver with the outcome of a request.
func sent(r *driver.Record, err error) {
	o, _ := r.Tag.(*outgoing)
	b, _ := o.owner.(*batch)
	i := o.index
	at := sourceOf(r)
	o.free()
	if err != nil {
		b.requests[i].unsent(err)
		at, err = Source{}, sendFailure(b.requests[i].Service, err)
	}
	b.s.afterSend(b.ctx, b.requests[i], at, err)
	b.settle(i, err)
}

func (b *batch) settle(i int, err error) {
	b.mu.Lock()
	b.outcomes[i] = outcome{true, err}
	b.mu.Unlock()
	b.release()
}

func (b *batch) release() {
	b.mu.Lock()
	b.open--
	last := b.open == 0
	b.mu.Unlock()
	if last {
		close(b.done)
	}
}

// failures joins what is known not to have been sent, and what is not known.
func (b *batch) failures(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var errs []error
	for i, o := range b.outcomes {
		err := o.err
		if !o.known {
			err = fmt.Errorf("%w: %w", ErrUnknownOutcome, context.Cause(ctx))
		}
		if err != nil {
			errs = append(errs, &SendError{b.requests[i], err})
		}
	}
	return errors.Join(errs...)
}

package asynccalls

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/chance"
	"github.com/asynccalls/asynccalls/internal/route"
	"github.com/asynccalls/asynccalls/internal/slab"
	"github.com/asynccalls/asynccalls/internal/stage"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// Service is a client of other services and, once it listens, a server of its
// own endpoints. It is safe for concurrent use.
type Service struct {
	id        string
	driver    driver.Driver
	stage     stage.Stage    // nil but in the testing mode, as is
	observer  stage.Observer // this
	config    *config
	logger    *slog.Logger // names the service
	lane      *lane
	runs      *chance.IDs
	outgoings slab.Slab[outgoing]
	calls     sync.Pool // of *Call, for those that nobody else can hold

	hooks   hookList
	caller  atomic.Pointer[Caller] // what calls go through; nil without middleware
	asked   destinations           // of requests
	outlets *outlets               // for responses
	pulse   pulse
	durable once // creates the topic for responses at the first Send

	mu        sync.Mutex // guards what follows
	endpoints route.Mux[*endpoint]
	responses map[string]*route.Mux[*endpoint] // by the service that responds
	phase     phase

	middleware         []Middleware
	responseMiddleware []ResponseMiddleware
	callMiddleware     []CallMiddleware

	result  error  // of Listen, or of Close without Listen
	waiting error  // what Listen waits for, and why
	group   *group // of Listen

	listening chan struct{} // closed when Listen begins, or Close without it
	serving   chan struct{} // closed at the first assignment
	closing   chan struct{} // closed by Close
	ended     chan struct{} // closed when result is set
	closeOnce sync.Once
}

// phase is how far the life of a service has gone.
type phase uint8

const (
	fresh     phase = iota // handlers may be registered
	listening              // Listen runs
	ended                  // nothing may be sent or served
)

// New returns a service called id, which talks through d. It does no I/O. The
// driver stays the caller's: services may share it, and it is closed after
// them. An ID is 1 to 100 lower-case letters, digits and '-', not at either
// end.
func New(id string, d driver.Driver, o ...Option) (*Service, error) {
	if err := wire.ValidService(id); err != nil {
		return nil, fmt.Errorf("asynccalls: new service: %w", err)
	}
	if d == nil {
		return nil, fmt.Errorf("asynccalls: new service %q: the driver is nil", id)
	}
	c, err := newConfig(o)
	if err != nil {
		return nil, fmt.Errorf("asynccalls: new service %q: %w", id, err)
	}
	s := &Service{
		id:        id,
		driver:    d,
		config:    c,
		logger:    c.logger.With("service", id),
		runs:      chance.NewIDs("run", 6),
		durable:   newOnce(),
		responses: make(map[string]*route.Mux[*endpoint]),
		listening: make(chan struct{}),
		serving:   make(chan struct{}),
		closing:   make(chan struct{}),
		ended:     make(chan struct{}),
	}
	s.stage, _ = d.(stage.Stage)
	s.observer, _ = d.(stage.Observer)
	s.calls.New = func() any { return newCall() }
	s.lane = newLane(s)
	s.outlets = newOutlets(s)
	s.pulse.s = s
	s.hooks.add(c.hooks)
	return s, nil
}

// String returns the ID of the service.
func (s *Service) String() string { return s.id }

// Ready waits until the service serves. With handlers registered that is when
// Listen has joined its group and knows its partitions; Ready may be called
// before Listen is. Without handlers Ready sets up what awaited calls need. It
// returns the error of Listen once that has returned. If ctx ends first, the
// error says what was waited for.
func (s *Service) Ready(ctx context.Context) error {
	s.mu.Lock()
	serves := s.phase == listening || s.serves()
	s.mu.Unlock()
	if !serves {
		return s.lane.prepare(ctx)
	}
	select {
	case <-s.listening:
	case <-ctx.Done():
		return interrupted(ctx, "ready: waiting for Listen to be called", nil)
	}
	select {
	case <-s.ended:
	case <-s.serving:
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		return interrupted(ctx, "ready: waiting to serve", s.waiting)
	}
	select {
	case <-s.ended:
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.result != nil {
			return s.result
		}
		return fmt.Errorf("ready: service %q: %w", s.id, ErrClosed)
	default:
		return nil
	}
}

// Close ends the service: Listen, if it runs, as the end of its context does,
// and all pending calls with [ErrClosed]. It waits for that, and returns the
// error of Listen. It is idempotent. A handler must not call it: it would wait
// for itself.
func (s *Service) Close() error {
	s.closeOnce.Do(func() {
		close(s.closing)
		s.mu.Lock()
		idle := s.phase == fresh
		if idle {
			s.phase = ended
			close(s.listening)
		}
		s.mu.Unlock()
		if idle {
			s.lane.close()
			s.finish(nil)
		}
	})
	<-s.ended
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.result
}

// serves reports whether there is anything to listen for. The lock is held.
func (s *Service) serves() bool { return s.endpoints.Len() > 0 || len(s.responses) > 0 }

// beginListening enters the phase in which handlers are fixed.
func (s *Service) beginListening() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.phase == listening:
		return errors.New("listen: the service listens already")
	case s.phase == ended:
		return fmt.Errorf("listen: service %q: %w", s.id, ErrClosed)
	case !s.serves():
		return fmt.Errorf("listen: service %q has no handlers", s.id)
	}
	s.phase = listening
	close(s.listening)
	return nil
}

// step lets the testing mode decide when a handler goes on that sends a request,
// see [run.Step].
func (s *Service) step(ctx context.Context, what string, r *Request) {
	if s.stage == nil {
		return
	}
	if run := runOf(ctx); run != nil && r != nil {
		run.Step(fmt.Sprintf("%s %s to %s%s", what, r.ID, r.Service, r.Endpoint))
	}
}

// finish records how the service ended. It is called once.
func (s *Service) finish(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase = ended
	s.result = err
	close(s.ended)
}

// wait records what Listen waits for; nil when it goes on.
func (s *Service) wait(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = err
}

// joined reports whether the group has given this member its first assignment, be it
// an empty one.
func (s *Service) joined() bool {
	select {
	case <-s.serving:
		return true
	default:
		return false
	}
}

// closed reports whether nothing may be sent any more.
func (s *Service) closed() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

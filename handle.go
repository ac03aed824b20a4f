package asynccalls

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/asynccalls/asynccalls/internal/delivery"
	"github.com/asynccalls/asynccalls/internal/info"
	"github.com/asynccalls/asynccalls/internal/route"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// Handler serves the requests to an endpoint. When it returns, the call ends: a
// nil error ends it well, an [*Error] with its status, any other error and a
// panic with status 500.
//
// If nobody awaits the call, a failure with status 500 or above is tried again
// first, as [Retry] says. After the last attempt the request goes to the dead
// letters. [Permanent], [Drop], [RetryAfter] and [Unavailable] say otherwise. A
// failure below 500 is final at once; that of a one-way request goes to the dead
// letters.
//
// Handlers of different requests run at the same time, those of one Key one
// after the other. ctx has the values of Listen's context, but not its
// cancellation; it ends at the request's deadline, and after Limits.Handler.
//
// A handler that ends the process, by os.Exit or log.Fatal, takes all others with
// it. All that was not committed is handled again when the service is started
// again, and so is its own request: attempts are not counted across processes.
type Handler func(ctx context.Context, w ResponseWriter, r *Request) error

// ResponseHandler handles responses to requests that this service, in any
// instance, made with [Service.Send]. What a failure means, concurrency and ctx
// are as with a [Handler] of one-way requests.
type ResponseHandler func(ctx context.Context, r *Response) error

// ResponseWriter sends the responses of one run of a handler. It is safe for
// concurrent use, and ends with the handler.
type ResponseWriter interface {
	// Send sends a response at once, without waiting for the broker: nil means
	// queued, and a failure shows at the next Send or ends the call. It waits
	// only for space in the buffer of the driver, not longer than ctx.
	//
	// After a response with End set, a failed one, and after the handler has
	// returned, it is ErrClosed. To a one-way request nothing is sent, and Send
	// is nil.
	Send(ctx context.Context, r *Response) error
}

// endpoint is a registered handler.
type endpoint struct {
	limit    time.Duration // of a run
	retry    delivery.Retry
	gate     *delivery.Gate
	handle   Handler // or
	response ResponseHandler
	ends     bool // response is called for bare ends too
	types    info.Types
	errors   ErrorHandler
}

// Handle registers the handler of an endpoint. A pattern is a path, which may
// hold wildcards as in net/http: "/orders/{id}" or "/files/{path...}". Handle
// panics if the pattern is not valid or conflicts with another, if an option
// is not valid, and once Listen was called.
//
// "/$info" is answered by the library, unless it is registered too: tools such as
// acurl learn by it which instances a service has, where they run, in which version,
// and which endpoints they serve.
func (s *Service) Handle(pattern string, h Handler, o ...EndpointOption) {
	e, err := s.newEndpoint(o)
	e.handle = h
	if h == nil {
		err = errors.New("the handler is nil")
	}
	s.register("handle", &s.endpoints, pattern, e, err)
}

// HandleResponses registers the handler of responses to requests that were made
// with [Service.Send] to the endpoints of a service that match pattern. The
// response may reach any instance of this service, and more than once:
// RequestID, Run and Seq tell repeats by. An end without a response is skipped
// unless [WithEnds] is given; one that says that the call failed is not, see
// [Response.Err]. It panics as [Service.Handle] does.
func (s *Service) HandleResponses(service, pattern string, h ResponseHandler, o ...EndpointOption) {
	e, err := s.newEndpoint(o)
	e.response = h
	if h == nil {
		err = errors.New("the handler is nil")
	}
	if err == nil {
		err = wire.ValidService(service)
	}
	s.mu.Lock()
	mux := s.responses[service]
	if mux == nil && err == nil {
		mux = new(route.Mux[*endpoint])
		s.responses[service] = mux
	}
	s.mu.Unlock()
	s.register("handle responses of "+service, mux, pattern, e, err)
}

func (s *Service) register(what string, m *route.Mux[*endpoint], pattern string, e *endpoint, err error) {
	s.mu.Lock()
	if err == nil && s.phase != fresh {
		err = errors.New("the service has begun to listen or was closed")
	}
	if err == nil {
		err = m.Add(pattern, e)
	}
	s.mu.Unlock()
	if err != nil {
		panic(fmt.Sprintf("asynccalls: %s %q: %v", what, pattern, err)) //nolint:forbidigo // misuse while setting up
	}
}

func (s *Service) newEndpoint(options []EndpointOption) (*endpoint, error) {
	var c endpointConfig
	for i, o := range options {
		if o == nil {
			return &endpoint{}, fmt.Errorf("option %d is nil", i)
		}
		o.applyEndpoint(&c)
	}
	if err := forEndpoint(&c.limits, s.config.limits); err != nil {
		return &endpoint{}, err
	}
	inherit(&c.retry, s.config.retry)
	if err := completeRetry(&c.retry); err != nil {
		return &endpoint{}, err
	}
	e := &endpoint{
		limit: c.limits.Handler, retry: delivery.Retry(c.retry), ends: c.ends, types: c.types, errors: c.errors,
	}
	if e.errors == nil {
		e.errors = s.config.errors
	}
	concurrency := c.limits.Concurrency
	if concurrency == s.config.limits.Concurrency {
		concurrency = 0 // bounded by the workers anyway
	}
	e.gate = delivery.NewGate(concurrency, e.retry)
	return e, nil
}

// forEndpoint takes over what the endpoint does not set from the service, and
// checks what it sets.
func forEndpoint(l *Limits, service Limits) error {
	if (*l != Limits{Concurrency: l.Concurrency, Handler: l.Handler}) {
		return errors.New("option Limits: an endpoint has only Concurrency and Handler; the others are the service's")
	}
	return errors.Join(
		complete("Limits.Concurrency", &l.Concurrency, service.Concurrency, service.Concurrency),
		complete("Limits.Handler", &l.Handler, service.Handler, maxDuration),
	)
}

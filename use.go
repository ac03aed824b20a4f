package asynccalls

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
)

// Middleware wraps the handler of an endpoint: it may do something before and after
// the handler, give it another context, request or [ResponseWriter], and change its
// error. A panic of the handler passes through it.
type Middleware func(Handler) Handler

// ResponseMiddleware wraps a handler of responses.
type ResponseMiddleware func(ResponseHandler) ResponseHandler

// Caller makes an awaited call: it sends the request at once, and what it returns
// are the responses, as [Call.Responses] has them. They are to be ranged over once.
type Caller func(ctx context.Context, r *Request) iter.Seq2[*Response, error]

// CallMiddleware wraps the calls of a service: it may change or refuse a request
// before it is sent, and see, change or leave out its responses. What it does before
// it returns happens in [Service.Call], which should not wait.
type CallMiddleware func(Caller) Caller

// ErrorHandler decides what an error of a handler means: it returns another, or the
// same, or nil if all is well after all. [Permanent], [Drop], [RetryAfter] and
// [Unavailable] make it a verdict, an [*Error] the status that the caller gets; so the
// errors that cross the wire are decided in one place. It gets what the handler, and
// all middleware around it, returned, and is not called for nil and for panics.
// [RequestFrom] tells of which request. It should not wait.
//
// It is an [Option], for all endpoints and handlers of responses of a service, and an
// [EndpointOption], for one, in place of that of the service.
type ErrorHandler func(ctx context.Context, err error) error

func (h ErrorHandler) apply(c *config) { c.errors = h }

func (h ErrorHandler) applyEndpoint(e *endpointConfig) { e.errors = h }

// decide returns what the error means.
func (h ErrorHandler) decide(ctx context.Context, err error) error {
	if h == nil || err == nil {
		return err
	}
	return h(ctx, err)
}

// Use wraps the handlers of all endpoints of the service, also of those that are
// registered later: the first that was added is the outermost. Handlers of responses
// and what the library answers itself, such as an unknown endpoint, are not wrapped.
// Use panics once Listen was called.
func (s *Service) Use(m ...Middleware) { use(s, &s.middleware, m) }

// UseResponses wraps all handlers of responses, as [Service.Use] does those of
// endpoints.
func (s *Service) UseResponses(m ...ResponseMiddleware) { use(s, &s.responseMiddleware, m) }

// UseCalls wraps what [Service.Call], [Service.CallOne], [CallJSON] and [CallOneJSON]
// do from now on: the first that was added is the outermost. Send and Notify are not
// wrapped. UseCalls panics once Listen was called.
func (s *Service) UseCalls(m ...CallMiddleware) {
	all := use(s, &s.callMiddleware, m)
	caller := Caller(s.startCalled)
	for _, m := range slices.Backward(all) {
		caller = answering(m(caller))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.callMiddleware) == len(all) { // else who has added more stores it with that
		s.caller.Store(&caller)
	}
}

// startCalled is the caller within all middleware.
func (s *Service) startCalled(ctx context.Context, r *Request) iter.Seq2[*Response, error] {
	if o := onlyOf(ctx, r); o != nil {
		if c := newCall(); o.call.CompareAndSwap(nil, c) {
			s.startCall(ctx, r, c)
			return c.Responses() //nolint:contextcheck // as in CallOne
		}
	}
	return s.startWatched(ctx, r).Responses() //nolint:contextcheck // as in CallOne
}

// use adds to what wraps handlers or calls, and returns all.
func use[M ~func(H) H, H any](s *Service, all *[]M, more []M) []M {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := error(nil)
	if s.phase != fresh {
		err = errors.New("the service has begun to listen or was closed")
	}
	for i, m := range more {
		if m == nil {
			err = fmt.Errorf("middleware %d is nil", i)
		}
	}
	if err != nil {
		panic(fmt.Sprintf("asynccalls: use: %v", err)) //nolint:forbidigo // misuse while setting up
	}
	*all = append(*all, more...)
	return slices.Clone(*all)
}

// wrap wraps a handler or a caller: the first is the outermost.
func wrap[M ~func(H) H, H any](all []M, h H) H {
	for _, m := range slices.Backward(all) {
		h = m(h)
	}
	return h
}

// wrapHandlers wraps all handlers, once they are fixed and before any is called.
func (s *Service) wrapHandlers() error {
	for r := range s.endpoints.All() {
		e := r.Handler
		if e.handle = wrap(s.middleware, e.handle); e.handle == nil {
			return fmt.Errorf("a middleware has returned no handler for %s", r.Pattern)
		}
	}
	for service, mux := range s.responses {
		for r := range mux.All() {
			e := r.Handler
			if e.response = wrap(s.responseMiddleware, e.response); e.response == nil {
				return fmt.Errorf("a middleware has returned no handler for responses of %s%s", service, r.Pattern)
			}
		}
	}
	return nil
}

// wrapped is a call that goes through middleware.
func (s *Service) wrapped(ctx context.Context, r *Request, caller Caller) *Call {
	return &Call{s: s, ctx: ctx, request: r, seq: caller(ctx, r)}
}

// answering returns responses where a middleware has none at all, so that those around
// it, too, have something to range over.
func answering(caller Caller) Caller {
	return func(ctx context.Context, r *Request) iter.Seq2[*Response, error] {
		if responses := caller(ctx, r); responses != nil {
			return responses
		}
		return func(yield func(*Response, error) bool) {
			yield(nil, describe(r, errors.New("a middleware has returned no responses, not even an empty sequence")))
		}
	}
}

package middleware

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/sony/gobreaker/v2"

	"github.com/asynccalls/asynccalls"
)

// Breaker gives up calls to a service that fails: when calls to it have failed as
// often as ReadyToTrip says (more than five in a row by default), further ones fail
// at once, with [gobreaker.ErrOpenState], for the time Timeout (one minute by
// default). Then MaxRequests calls (one by default) are let through; if they end well,
// all are again. Each service has a breaker of its own, with its ID as the name.
//
// A call fails for the breaker if it ends with a status from 500, a deadline, or an
// error of the library or of the broker. A status below 500 is a success, and so is a
// call whose caller leaves the loop. One that is canceled does not count.
// Settings.IsSuccessful and Settings.IsExcluded can say otherwise. A call that nobody
// reads counts when its context ends, so it has to be read if that never does.
//
// Requests wait in Kafka while a service is away, so for calls that may wait there is
// no need to break: a breaker is for calls whose callers cannot.
func Breaker(settings gobreaker.Settings) asynccalls.CallMiddleware {
	if settings.IsSuccessful == nil {
		settings.IsSuccessful = func(err error) bool { return !isFailure(err) }
	}
	if settings.IsExcluded == nil {
		settings.IsExcluded = func(err error) bool { return errors.Is(err, context.Canceled) }
	}
	b := &breakers{settings: settings, services: map[string]*breaker{}}
	return func(next asynccalls.Caller) asynccalls.Caller {
		return func(ctx context.Context, r *asynccalls.Request) iter.Seq2[*asynccalls.Response, error] {
			if r == nil {
				return next(ctx, r)
			}
			report, err := b.of(r.Service).Allow()
			if err != nil {
				err = fmt.Errorf("call %s%s: %w", r.Service, r.Endpoint, err)
				return func(yield func(*asynccalls.Response, error) bool) { yield(nil, err) }
			}
			return watched(ctx, next(ctx, r), report)
		}
	}
}

// watched returns the responses of a call, and reports how it ended, once.
func watched(
	ctx context.Context, responses iter.Seq2[*asynccalls.Response, error], report func(error),
) iter.Seq2[*asynccalls.Response, error] {
	var once sync.Once
	over := func(err error) { once.Do(func() { report(err) }) }
	stop := context.AfterFunc(ctx, func() { over(context.Cause(ctx)) })
	return func(yield func(*asynccalls.Response, error) bool) {
		defer stop()
		var failed error
		defer func() { over(failed) }()
		for resp, err := range responses {
			failed = err
			if !yield(resp, err) {
				return
			}
		}
	}
}

// isFailure reports whether an error speaks against the service.
func isFailure(err error) bool {
	if status, ok := errors.AsType[*asynccalls.Error](err); ok {
		return status.Status >= 500
	}
	return err != nil
}

type breaker = gobreaker.TwoStepCircuitBreaker[struct{}]

// breakers has one for each service that was called.
type breakers struct {
	settings gobreaker.Settings

	mu       sync.Mutex // guards services
	services map[string]*breaker
}

func (b *breakers) of(service string) *breaker {
	b.mu.Lock()
	defer b.mu.Unlock()
	known := b.services[service]
	if known == nil {
		settings := b.settings
		settings.Name = service
		known = gobreaker.NewTwoStepCircuitBreaker[struct{}](settings)
		b.services[service] = known
	}
	return known
}

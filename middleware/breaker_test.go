package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/middleware"
)

// failing is a Caller whose calls end with an error.
func failing(err error) asynccalls.Caller {
	return func(ctx context.Context, r *asynccalls.Request) iter.Seq2[*asynccalls.Response, error] {
		if err == nil {
			return answer(ctx, r)
		}
		return func(yield func(*asynccalls.Response, error) bool) { yield(nil, err) }
	}
}

// TestBreaker takes a breaker through its states, in virtual time.
func TestBreaker(t *testing.T) {
	t.Parallel()
	server, client := &asynccalls.Error{Status: 503, Message: "away"}, &asynccalls.Error{Status: 404, Message: "unknown"}
	synctest.Test(t, func(t *testing.T) {
		var states []string
		var result error
		caller := middleware.Breaker(gobreaker.Settings{OnStateChange: func(name string, from, to gobreaker.State) {
			states = append(states, fmt.Sprintf("%s: %s to %s", name, from, to))
		}})(func(ctx context.Context, r *asynccalls.Request) iter.Seq2[*asynccalls.Response, error] {
			return failing(result)(ctx, r)
		})
		call := func(service string, times int, ends, want error) {
			t.Helper()
			result = ends
			for range times {
				var got error
				for _, err := range caller(t.Context(), asynccalls.NewRequest(service, "/e", nil)) {
					got = err
				}
				if !errors.Is(got, want) || want == nil && got != nil {
					t.Errorf("a call to %s ended with %v, want %v", service, got, want)
				}
			}
		}
		call("shop", 100, client, client)
		call("shop", 100, context.Canceled, context.Canceled)
		call("shop", 5, server, server)
		call("shop", 1, nil, nil) // not in a row
		call("shop", 5, context.DeadlineExceeded, context.DeadlineExceeded)
		call("shop", 1, asynccalls.ErrNoService, asynccalls.ErrNoService)
		call("shop", 10, nil, gobreaker.ErrOpenState)
		call("bank", 10, nil, nil)
		<-time.After(time.Minute)
		synctest.Wait()
		call("shop", 1, server, gobreaker.ErrOpenState) // not a moment earlier
		<-time.After(time.Nanosecond)
		call("shop", 1, server, server)
		call("shop", 1, nil, gobreaker.ErrOpenState)
		<-time.After(time.Minute + time.Nanosecond)

		// While one is let through, others are not; if nobody reads it, its context ends it.
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		caller(ctx, asynccalls.NewRequest("shop", "/e", nil))
		call("shop", 1, nil, gobreaker.ErrTooManyRequests)
		<-time.After(time.Second)
		synctest.Wait()
		call("shop", 1, nil, gobreaker.ErrOpenState)
		<-time.After(time.Minute + time.Nanosecond)
		result = nil
		for range caller(t.Context(), asynccalls.NewRequest("shop", "/e", nil)) {
			break // the service has answered
		}
		call("shop", 10, nil, nil)
		want := []string{
			"shop: closed to open", "shop: open to half-open", "shop: half-open to open", "shop: open to half-open",
			"shop: half-open to open", "shop: open to half-open", "shop: half-open to closed",
		}
		if fmt.Sprint(states) != fmt.Sprint(want) {
			t.Errorf("states were %q, want %q", states, want)
		}
	})
}

// TestBreakerOfCalls has a service that fails, and a request that is none.
func TestBreakerOfCalls(t *testing.T) {
	t.Parallel()
	runs := 0
	world(t, func(s, c *asynccalls.Service) {
		c.UseCalls(middleware.Breaker(gobreaker.Settings{}))
		s.Handle("/fails", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
			runs++
			return errors.New("no database")
		})
	}, func(t *testing.T, c *asynccalls.Service) {
		for i := range 10 {
			_, err := c.CallOne(t.Context(), request("/fails"))
			if refused := errors.Is(err, gobreaker.ErrOpenState); refused != (i >= 6) || err == nil {
				t.Errorf("call %d ended with %v", i, err)
			}
		}
		if _, err := c.CallOne(t.Context(), nil); err == nil {
			t.Error("a nil request was sent")
		}
	})
	if runs != 6 {
		t.Errorf("the handler ran %d times, want 6", runs)
	}
}

func ExampleBreaker() {
	breaker := middleware.Breaker(gobreaker.Settings{}) // svc.UseCalls(breaker)
	caller := breaker(failing(&asynccalls.Error{Status: 503, Message: "away"}))
	for range 7 {
		for _, err := range caller(context.Background(), asynccalls.NewRequest("shop", "/price", nil)) {
			fmt.Println(err)
		}
	}
	// Output:
	// status 503: away
	// status 503: away
	// status 503: away
	// status 503: away
	// status 503: away
	// status 503: away
	// call shop/price: circuit breaker is open
}

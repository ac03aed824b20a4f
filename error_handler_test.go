package asynccalls_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
)

// TestErrorHandler decides what errors mean: for a service, and for an endpoint in
// place of that (5.1).
func TestErrorHandler(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		errNoRows, errAway, errKnown := errors.New("no rows"), errors.New("connection refused"), errors.New("known already")
		var l list
		s := newService(t, "server", d, asynccalls.ErrorHandler(func(ctx context.Context, err error) error {
			l.add(fmt.Sprintf("%s: %v", asynccalls.RequestFrom(ctx).Endpoint, err))
			switch {
			case errors.Is(err, errNoRows):
				return &asynccalls.Error{Status: 404, Message: "there is no such order"}
			case errors.Is(err, errAway):
				return asynccalls.Unavailable(err)
			case errors.Is(err, errKnown):
				return nil
			default:
				return err
			}
		}))
		s.Use(func(next asynccalls.Handler) asynccalls.Handler {
			return func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
				if err := next(ctx, w, r); err != nil {
					return fmt.Errorf("wrapped: %w", err)
				}
				return nil
			}
		})
		for endpoint, err := range map[string]error{"/rows": errNoRows, "/away": errAway, "/known": errKnown, "/other": errors.New("x"), "/well": nil} {
			s.Handle(endpoint, reply(err, "a"))
		}
		s.Handle("/own", reply(errNoRows), asynccalls.ErrorHandler(func(context.Context, error) error {
			return &asynccalls.Error{Status: 410, Message: "gone"}
		}))
		s.Handle("/panics", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
			var none []int
			_ = none[17]
			return nil
		})
		listen(t, s)
		client := newService(t, "client", d)
		for _, tt := range [][2]string{
			{"/rows", "status 404: there is no such order"},
			{"/away", "status 503: unavailable"},
			{"/known", "[a] <nil>"},
			{"/other", "status 500: internal error"},
			{"/well", "[a] <nil>"},
			{"/own", "status 410: gone"},
			{"/panics", "status 500: internal error"},
		} {
			if got := sendAs(t, client, "awaited", asynccalls.NewRequest("server", tt[0], nil)); got != tt[1] {
				t.Errorf("%s ended with %q, want %q", tt[0], got, tt[1])
			}
		}
		want := []string{
			"/rows: wrapped: no rows", "/away: wrapped: connection refused", "/known: wrapped: known already", "/other: wrapped: x",
		}
		if diff := cmp.Diff(want, l.all()); diff != "" {
			t.Errorf("errors that were decided (-want +got):\n%s", diff)
		}
	})
}

// TestErrorHandlerOfResponses has a verdict made of an error of a handler of
// responses.
func TestErrorHandlerOfResponses(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		serve(t, d, "server", "/e", reply(nil, "a"))
		client := newService(t, "client", d)
		tries := 0
		client.HandleResponses("server", "/e", func(context.Context, *asynccalls.Response) error {
			tries++
			return errors.New("of no interest")
		}, asynccalls.ErrorHandler(func(_ context.Context, err error) error { return asynccalls.Drop(err) }))
		listen(t, client)
		sendAs(t, client, "durable", asynccalls.NewRequest("server", "/e", nil))
		elapse(time.Hour)
		if letters := read(t, d, "client.dead"); tries != 1 || len(letters) != 0 {
			t.Errorf("tried %d times, and %d dead letters, want once and none", tries, len(letters))
		}
	})
}

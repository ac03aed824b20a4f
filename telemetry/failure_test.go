package telemetry

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/asynccalls/asynccalls"
)

// TestFailure names each error that a call can end with.
func TestFailure(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"":                  nil,
		"404":               &asynccalls.Error{Status: 404},
		"slow_reader":       asynccalls.ErrSlowReader,
		"restarted":         asynccalls.ErrRestarted,
		"reply_lost":        asynccalls.ErrReplyLost,
		"revoked":           asynccalls.ErrRevoked,
		"unknown_outcome":   asynccalls.ErrUnknownOutcome,
		"no_service":        asynccalls.ErrNoService,
		"closed":            asynccalls.ErrClosed,
		"deadline_exceeded": context.DeadlineExceeded,
		"canceled":          context.Canceled,
		"_OTHER":            errors.New("of the user"),
	} {
		if err != nil {
			err = fmt.Errorf("call: %w", err)
		}
		if got := failure(err); got != want {
			t.Errorf("%v is called %q, want %q", err, got, want)
		}
	}
}

// TestFailureOf names why attempts fail.
func TestFailureOf(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		handled asynccalls.Handled
		want    string
	}{
		"it did not":      {asynccalls.Handled{Status: 200}, ""},
		"dropped":         {asynccalls.Handled{Status: 200, Err: asynccalls.Drop(errors.New("not needed"))}, ""},
		"plain":           {asynccalls.Handled{Status: 500, Err: errors.New("broken")}, "500"},
		"of another call": {asynccalls.Handled{Status: 404, Err: &asynccalls.Error{Status: 404}}, "404"},
		"revoked":         {asynccalls.Handled{Status: 500, Err: fmt.Errorf("send: %w", asynccalls.ErrRevoked)}, "revoked"},
	} {
		if got := failureOf(&tt.handled); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

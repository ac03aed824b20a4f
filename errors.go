package asynccalls

import (
	"context"
	"errors"
	"fmt"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/delivery"
)

// The statuses that the library itself uses. They are those of HTTP (RFC 9110,
// section 15), so that habits and bridges carry over.
const (
	statusOK          = 200
	statusFailed      = 400 // the first that means failure
	statusBadRequest  = 400
	statusNotFound    = 404
	statusServerError = 500
	statusUnavailable = 503
	statusExpired     = 504
	statusLast        = 599
)

// Errors that callers can ask for with [errors.Is].
var (
	// ErrClosed says that the service, or the call that a handler answers, has
	// ended.
	ErrClosed = errors.New("closed")

	// ErrNoService says that the service asked for has no topic for requests: it
	// was never started in this cluster, or its ID is misspelled.
	ErrNoService = errors.New("no such service")

	// ErrResponseCount says that there was not exactly one response.
	ErrResponseCount = errors.New("not exactly one response")

	// ErrSlowReader says that responses came faster than they were read, and
	// that more bytes were waiting than Limits.CallBytes or Limits.ReplyBytes
	// allow.
	ErrSlowReader = errors.New("responses were not read in time")

	// ErrRestarted says that the request was handled again, with other responses
	// than those that were delivered already.
	ErrRestarted = errors.New("the call was restarted with different responses")

	// ErrReplyLost says that responses are gone from the topic they waited in.
	ErrReplyLost = errors.New("responses were lost")

	// ErrRevoked is the cause of the end of a handler's context when the
	// partition of its request went to another instance.
	ErrRevoked = errors.New("the request belongs to another instance now")

	// ErrUnknownOutcome says that a message may or may not have been sent.
	ErrUnknownOutcome = driver.ErrUnknownOutcome
)

// TooLargeError says that a message was larger than its topic accepts. It was
// not sent.
type TooLargeError = driver.TooLargeError

// Error is a call that failed with a status. A handler returns one to tell its
// caller why; any other error reaches the caller as status 500 without its text.
type Error struct {
	Status  int // 400 to 599, with the meaning that HTTP gives it
	Message string
}

// Error returns the status and the message.
func (e *Error) Error() string { return fmt.Sprintf("status %d: %s", e.Status, e.Message) }

// SendError says which request was not sent, and why.
type SendError struct {
	Request *Request
	Err     error
}

// Error names the request, where it was to go, and the reason.
func (e *SendError) Error() string {
	if e.Request == nil {
		return fmt.Sprintf("send request: %v", e.Err)
	}
	return fmt.Sprintf("send request %s to %s%s: %v", e.Request.ID, e.Request.Service, e.Request.Endpoint, e.Err)
}

// Unwrap returns the reason.
func (e *SendError) Unwrap() error { return e.Err }

// sendFailure says in the terms of this package why a request was not sent.
func sendFailure(service string, err error) error {
	if errors.Is(err, driver.ErrNoTopic) {
		return fmt.Errorf("%w: %q (%w)", ErrNoService, service, err)
	}
	return err
}

// unserved is the failure of a message that this version of the service cannot
// handle: an unknown endpoint, or a body that cannot be decoded.
type unserved struct{ reason *Error }

func (u *unserved) Error() string { return u.reason.Error() }

func (u *unserved) Unwrap() error { return u.reason }

// failure returns what crosses the wire of an error: that of an *Error, and of
// any other nothing but that it happened.
func failure(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok && e.Status >= statusFailed && e.Status <= statusLast {
		return e
	}
	if v, ok := errors.AsType[*verdict](err); ok && v.how == delivery.Unavailable {
		return &Error{Status: statusUnavailable, Message: "unavailable"}
	}
	return &Error{Status: statusServerError, Message: "internal error"}
}

// statusOf returns the status that an error of a handler comes to.
func statusOf(err error) int {
	v, isVerdict := errors.AsType[*verdict](err)
	switch {
	case err == nil || isVerdict && v.how == delivery.Dropped:
		return statusOK
	case errors.Is(err, errExpired), errors.Is(err, errOutOfTime):
		return statusExpired
	default:
		return failure(err).Status
	}
}

// interrupted says how waiting ended, in the words of what was waited for.
func interrupted(ctx context.Context, what string, last error) error {
	if last != nil {
		return fmt.Errorf("%s: %w (last try: %w)", what, context.Cause(ctx), last)
	}
	return fmt.Errorf("%s: %w", what, context.Cause(ctx))
}

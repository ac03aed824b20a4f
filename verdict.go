package asynccalls

import (
	"errors"
	"time"

	"github.com/asynccalls/asynccalls/internal/delivery"
)

// verdict is an error with which a handler says what is to become of its
// message.
type verdict struct {
	how     delivery.Failure
	delayed bool
	delay   time.Duration
	err     error
}

func (v *verdict) Error() string { return v.err.Error() }

func (v *verdict) Unwrap() error { return v.err }

// Permanent says that running the handler again cannot help, whatever err is.
// The caller of an awaited or durable request gets err as the end of the call; a
// one-way request and a response go to the dead letters at once. Permanent(nil)
// is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &verdict{how: delivery.Final, err: err}
}

// Drop gives the message up: it is done, and no dead letter is written. A call
// ends well, with the responses sent so far. Drop(nil) is nil.
func Drop(err error) error {
	if err == nil {
		return nil
	}
	return &verdict{how: delivery.Dropped, err: err}
}

// RetryAfter has a failed message tried again after d instead of the time that
// [Retry] says. It counts as an attempt like any other failure. A message is
// tried again within a minute of its first failure, so a later time is then.
// RetryAfter(d, nil) is nil.
func RetryAfter(d time.Duration, err error) error {
	if err == nil {
		return nil
	}
	return &verdict{how: delivery.Fault, delayed: true, delay: max(d, 0), err: err}
}

// Unavailable says that something the handler needs is away, such as a database.
// It consumes no attempt: a durable or one-way request, or a response, is tried
// again until it is back, however long that takes, and never becomes a dead
// letter for this. When many messages of an endpoint fail so in a row, the
// service tries one of them now and then, and the others wait; what arrives
// meanwhile waits in its topic. An awaited request is answered at once, with
// status 503 unless err is an [*Error]. Unavailable(nil) is nil.
func Unavailable(err error) error {
	if err == nil {
		return nil
	}
	return &verdict{how: delivery.Unavailable, err: err}
}

// classify says what kind of failure an error of a handler is. The outermost
// verdict counts.
func classify(err error) delivery.Failed {
	if err == nil {
		return delivery.Failed{How: delivery.Success}
	}
	v, isVerdict := errors.AsType[*verdict](err)
	_, isUnserved := errors.AsType[*unserved](err)
	_, isUndelivered := errors.AsType[*undelivered](err)
	switch {
	case errors.Is(err, errExpired), errors.Is(err, errOutOfTime):
		return delivery.Failed{How: delivery.Expired}
	case isVerdict:
		return delivery.Failed{How: v.how, Delayed: v.delayed, Delay: v.delay}
	case isUnserved:
		return delivery.Failed{How: delivery.Unserved}
	case isUndelivered:
		return delivery.Failed{How: delivery.Undelivered}
	case failure(err).Status < statusServerError:
		return delivery.Failed{How: delivery.Final}
	default:
		return delivery.Failed{How: delivery.Fault}
	}
}

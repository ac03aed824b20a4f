package telemetry

import (
	"context"
	"errors"
	"strconv"

	"github.com/asynccalls/asynccalls"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// failure names an error in few words; "" for none. The set of names is small, so
// that they can be attributes of metrics.
func failure(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*asynccalls.Error](err); ok {
		return strconv.Itoa(e.Status)
	}
	for _, known := range []struct {
		err  error
		name string
	}{
		{asynccalls.ErrSlowReader, "slow_reader"},
		{asynccalls.ErrRestarted, "restarted"},
		{asynccalls.ErrReplyLost, "reply_lost"},
		{asynccalls.ErrRevoked, "revoked"},
		{asynccalls.ErrUnknownOutcome, "unknown_outcome"},
		{asynccalls.ErrNoService, "no_service"},
		{asynccalls.ErrClosed, "closed"},
		{context.DeadlineExceeded, "deadline_exceeded"},
		{context.Canceled, "canceled"},
	} {
		if errors.Is(err, known.err) {
			return known.name
		}
	}
	return semconv.ErrorTypeOther.Value.AsString()
}

// failureOf names why an attempt failed: by the status that it comes to, unless
// another instance has got the message.
func failureOf(h *asynccalls.Handled) string {
	switch {
	case h.Err == nil || h.Status < 400:
		return ""
	case errors.Is(h.Err, asynccalls.ErrRevoked):
		return failure(asynccalls.ErrRevoked)
	default:
		return strconv.Itoa(h.Status)
	}
}

// typed appends the attribute for a failure, if it is one.
func typed(attributes []attribute.KeyValue, failure string) []attribute.KeyValue {
	if failure == "" {
		return attributes
	}
	return append(attributes, semconv.ErrorTypeKey.String(failure))
}

package asynccallstest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/asynccalls/asynccalls"
)

// NoEnd is returned by a handler whose call is to stay without an end, as if the
// service had stopped there: the responses that it has sent arrive, and nothing more.
// Without responses, it is as if the service never answered.
//
//nolint:errname,gochecknoglobals // in a script it reads as what happens; nobody writes it
var NoEnd = asynccalls.Drop(errors.New("the end is not sent"))

// Script returns a handler that takes the same steps for each request, by what they
// are:
//
//   - a string or a []byte is sent as the body of a response,
//   - an [asynccalls.Response] is sent, a new one for each request,
//   - a [time.Duration] is waited for,
//   - an error ends the call, as one that a handler returns; [NoEnd] leaves it without
//     an end; nil does nothing,
//   - anything else is sent as JSON.
//
// After the last step the call ends well.
func Script(steps ...any) asynccalls.Handler {
	return func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
		for _, step := range steps {
			if err := take(ctx, w, step); err != nil {
				return err
			}
		}
		return nil
	}
}

// take takes a step of a script.
func take(ctx context.Context, w asynccalls.ResponseWriter, step any) error {
	switch step := step.(type) {
	case nil:
		return nil
	case error:
		return step
	case time.Duration:
		timer := time.NewTimer(step)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	case string:
		return w.Send(ctx, asynccalls.NewResponse([]byte(step)))
	case []byte:
		return w.Send(ctx, asynccalls.NewResponse(step))
	case *asynccalls.Response:
		return w.Send(ctx, &asynccalls.Response{
			Status: step.Status, End: step.End, Header: step.Header, Body: step.Body,
		})
	default:
		body, err := json.Marshal(step)
		if err != nil {
			return fmt.Errorf("script: response as JSON: %w", err)
		}
		return w.Send(ctx, asynccalls.NewResponse(body))
	}
}

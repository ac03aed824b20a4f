package asynccalls_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/memory"
)

// procrastinator is a driver that tells what became of a request long after it was stored, and
// maybe answered. It stores no request that has a header "want" which is "refused".
type procrastinator struct {
	driver.Driver

	mu   sync.Mutex // guards what follows
	told []func()
}

func (d *procrastinator) Publish(ctx context.Context, r *driver.Record, done func(*driver.Record, error)) {
	tell := func(r *driver.Record, err error) {
		d.mu.Lock()
		d.told = append(d.told, func() { done(r, err) })
		var first func()
		if len(d.told) > 20 {
			i := rand.IntN(len(d.told))
			first = d.told[i]
			d.told[i] = d.told[len(d.told)-1]
			d.told = d.told[:len(d.told)-1]
		}
		d.mu.Unlock()
		if first != nil {
			first()
		}
	}
	for _, h := range r.Headers {
		if h.Key == "want" && string(h.Value) == "refused" {
			tell(r, fmt.Errorf("not wanted: %w", driver.ErrRefused))
			return
		}
	}
	d.Driver.Publish(ctx, r, tell)
}

// TestCallsAreUsedAgain has calls end in all ways, many at a time, while the memory of
// those that have ended is used by others: each gets its own response, or its own end.
func TestCallsAreUsedAgain(t *testing.T) {
	t.Parallel()
	d := &procrastinator{Driver: memory.New()}
	server := newService(t, "server", d.Driver)
	server.Handle("/echo", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
		switch resp := asynccalls.NewResponse(r.Body); r.Header.Get("want") {
		case "error":
			return &asynccalls.Error{Status: 409, Message: string(r.Body)}
		case "nothing":
			return nil
		case "two":
			return errors.Join(w.Send(ctx, resp), w.Send(ctx, asynccalls.NewResponse(r.Body)))
		case "deadline":
			<-ctx.Done()
			return context.Cause(ctx)
		default:
			return w.Send(ctx, resp)
		}
	})
	listen(t, server)
	client := newService(t, "client", d, asynccalls.WithReplyOrdinal(0))
	wants := []string{"one", "one", "one", "one", "error", "nothing", "two", "deadline", "canceled", "refused"}
	var calls sync.WaitGroup
	var well atomic.Int64
	for g := range 20 {
		calls.Go(func() {
			for i := range 100 {
				if err := callAgain(t.Context(), client, fmt.Sprintf("%d.%d", g, i), wants[rand.IntN(len(wants))]); err != nil {
					t.Error(err)
				}
				well.Add(1)
			}
		})
	}
	calls.Wait()
	if well.Load() != 2000 {
		t.Errorf("%d calls have ended, want 2000", well.Load())
	}
}

// callAgain makes a call that is to end in a certain way.
func callAgain(ctx context.Context, client *asynccalls.Service, body, want string) error {
	r := asynccalls.NewRequest("server", "/echo", []byte(body))
	r.Header.Add("want", want)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	switch want {
	case "deadline", "refused":
		ctx, cancel = context.WithTimeout(ctx, 10*time.Millisecond)
		defer cancel()
	case "canceled":
		cancel()
	}
	resp, err := client.CallOne(ctx, r)
	e, _ := errors.AsType[*asynccalls.Error](err)
	ok := false
	switch want {
	case "one":
		ok = err == nil && string(resp.Body) == body && resp.RequestID == r.ID
	case "error":
		ok = e != nil && e.Message == body
	case "nothing", "two":
		ok = errors.Is(err, asynccalls.ErrResponseCount)
	case "deadline":
		ok = errors.Is(err, context.DeadlineExceeded)
	case "refused": // before its deadline or after it
		ok = errors.Is(err, driver.ErrRefused) || errors.Is(err, context.DeadlineExceeded)
	case "canceled":
		ok = errors.Is(err, context.Canceled)
	}
	if !ok {
		return fmt.Errorf("call %s, which wants %s, ended with %v and %w", body, want, resp, err)
	}
	return nil
}

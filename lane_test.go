package asynccalls_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/asynccalls/asynccalls"
)

// TestManyCallsAtOnce mixes calls from many goroutines; each gets its own
// response.
func TestManyCallsAtOnce(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		serve(t, d, "server", "/e", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
			return w.Send(ctx, asynccalls.NewResponse(r.Body))
		})
		client := newService(t, "client", d)
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				for k := range 20 {
					body := fmt.Sprintf("%d/%d", i, k)
					r, err := client.CallOne(t.Context(), asynccalls.NewRequest("server", "/e", []byte(body)))
					if err != nil || string(r.Body) != body {
						t.Errorf("call %q got %v, error %v", body, r, err)
					}
				}
			})
		}
		wg.Wait()
	})
}

// TestCallsBeforeTheLane makes more calls than may wait for a broker that is
// away: the next one waits, not longer than its context.
func TestCallsBeforeTheLane(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		d.onTopics(func() error { return errors.New("away") })
		client := newService(t, "client", d)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range 1 << 16 {
			client.Call(t.Context(), asynccalls.NewRequest("server", "/e", nil))
		}
		returned := make(chan *asynccalls.Call)
		go func() { returned <- client.Call(ctx, asynccalls.NewRequest("server", "/e", nil)) }()
		synctest.Wait()
		select {
		case <-returned:
			t.Error("the call did not wait")
		default:
		}
		cancel()
		if _, err := collect(<-returned); !errors.Is(err, context.Canceled) {
			t.Errorf("call ended with %v, want context.Canceled", err)
		}
		go func() { returned <- client.Call(t.Context(), asynccalls.NewRequest("server", "/e", nil)) }()
		synctest.Wait()
		if err := client.Close(); err != nil {
			t.Error(err)
		}
		if _, err := collect(<-returned); !errors.Is(err, asynccalls.ErrClosed) {
			t.Errorf("call ended with %v, want ErrClosed", err)
		}
	})
}

//go:build !race

package asynccalls_test

import (
	"context"
	"testing"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver/memory"
)

// TestAllocations counts what a call and a response allocate on their whole way:
// the client, the driver, the server and its handler. Calls are made one at a time,
// so that the numbers are exact; the bounds leave room for what the runtime does now
// and then, and none for one object more. Where objects were saved, lower them.
//
// The race detector allocates as well, so that the test is not there.
func TestAllocations(t *testing.T) { //nolint:paralleltest // what other tests allocate would be counted
	const batch = 20 // calls, as AllocsPerRun tells whole numbers only
	tests := map[string]struct {
		responses  int // to each call
		middleware bool
		most       float64
	}{
		"call":                    {1, false, 17.6},
		"call through middleware": {1, true, 22.6},
		"call with 100 responses": {100, false, 148.2},
	}
	for name, tt := range tests { //nolint:paralleltest // as above
		t.Run(name, func(t *testing.T) {
			call := newEcho(t, tt.responses, tt.middleware)
			for range 1000 { // rows that are used again grow, and topics are found
				call()
			}
			got := testing.AllocsPerRun(30, func() {
				for range batch {
					call()
				}
			}) / batch
			if got > tt.most {
				t.Errorf("a call allocates %.2f objects, want at most %.1f", got, tt.most)
			}
		})
	}
}

// newEcho returns a function that makes a call that is answered so many times.
func newEcho(t *testing.T, responses int, middleware bool) (call func()) {
	t.Helper()
	broker := memory.New()
	t.Cleanup(func() { broker.Close() })
	server := newService(t, "server", broker)
	server.Handle("/echo", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
		for i := range responses {
			resp := asynccalls.NewResponse(r.Body)
			resp.End = i == responses-1
			if err := w.Send(ctx, resp); err != nil {
				return err
			}
		}
		return nil
	})
	listen(t, server)
	client := newService(t, "client", broker)
	if middleware {
		client.UseCalls(func(next asynccalls.Caller) asynccalls.Caller { return next })
	}
	body := make([]byte, 100)
	if responses == 1 {
		return func() {
			if _, err := client.CallOne(t.Context(), asynccalls.NewRequest("server", "/echo", body)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return func() {
		n := 0
		for _, err := range client.Call(t.Context(), asynccalls.NewRequest("server", "/echo", body)).Responses() {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != responses {
			t.Fatalf("got %d responses, want %d", n, responses)
		}
	}
}

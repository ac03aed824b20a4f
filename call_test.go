package asynccalls_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/memory"
)

// newService returns a service on d that is closed with the test.
func newService(tb testing.TB, id string, d driver.Driver, o ...asynccalls.Option) *asynccalls.Service {
	tb.Helper()
	s, err := asynccalls.New(id, d, o...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("close %s: %v", id, err)
		}
	})
	return s
}

// listen has a service listen until the test ends, and waits until it is ready.
func listen(tb testing.TB, s *asynccalls.Service) {
	tb.Helper()
	go s.Listen(context.WithoutCancel(tb.Context())) // Close in newService ends it and returns its error
	if err := s.Ready(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

func TestCallDeliversResponsesInOrder(t *testing.T) {
	t.Parallel()
	d := memory.New()
	server := newService(t, "a-money-broker", d)
	server.Handle("/show-me-the-money", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
		for i := range 4 {
			if err := w.Send(ctx, asynccalls.NewResponse(fmt.Appendf(nil, "response %d", i))); err != nil {
				return err
			}
		}
		return nil
	})
	listen(t, server)
	client := newService(t, "client", d)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	n := 0
	for resp, err := range client.Call(ctx, asynccalls.NewRequest("a-money-broker", "/show-me-the-money", nil)).Responses() {
		if err != nil {
			t.Fatal(err)
		}
		if got, want := string(resp.Body), fmt.Sprintf("response %d", n); got != want {
			t.Errorf("response is %q, want %q", got, want)
		}
		n++
	}
	if n != 4 {
		t.Errorf("got %d responses, want 4", n)
	}
}

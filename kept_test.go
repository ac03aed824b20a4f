package asynccalls_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver/memory"
)

// kept is all that a handler gets, and what the request was then.
type kept struct {
	ctx     context.Context //nolint:containedctx // it is what the test is about
	w       asynccalls.ResponseWriter
	request *asynccalls.Request
	was     asynccalls.Request
}

// check waits for the end of the handler, and says what is wrong with what it has kept.
func (k *kept) check() error {
	<-k.ctx.Done()
	r := k.request
	if r.ID != k.was.ID || r.Key != k.was.Key || string(r.Body) != string(k.was.Body) || r.Source != k.was.Source {
		return fmt.Errorf("the request is %v now, it was %v", r, &k.was)
	}
	if err := k.w.Send(context.Background(), asynccalls.NewResponse(nil)); !errors.Is(err, asynccalls.ErrClosed) {
		return fmt.Errorf("a response after the end: %w, want ErrClosed", err)
	}
	if err := k.ctx.Err(); !errors.Is(err, context.Canceled) {
		return fmt.Errorf("the context has ended with %w, want Canceled", err)
	}
	if asynccalls.RequestFrom(k.ctx) != r {
		return errors.New("the context has another request")
	}
	return nil
}

// TestHandlersMayKeep has handlers keep all that they get while the memory of what is
// done is used for thousands of other messages: nothing that they keep changes, and
// what they do with it reaches nobody.
func TestHandlersMayKeep(t *testing.T) {
	t.Parallel()
	broker := memory.New()
	t.Cleanup(func() { broker.Close() })
	server := newService(t, "server", broker)
	var mu sync.Mutex // guards all
	var all []*kept
	var checks sync.WaitGroup
	server.Handle("/keep", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
		k := &kept{ctx, w, r, *r}
		k.was.Body = []byte(string(r.Body))
		mu.Lock()
		defer mu.Unlock()
		if all = append(all, k); len(all) > 100 { // check one that has ended long ago, while others are handled
			old := all[0]
			all = all[1:]
			checks.Go(func() {
				if err := old.check(); err != nil {
					t.Error(err)
				}
			})
		}
		return w.Send(ctx, asynccalls.NewResponse(r.Body))
	})
	listen(t, server)
	client := newService(t, "client", broker, asynccalls.WithReplyOrdinal(0))
	var calls sync.WaitGroup
	for g := range 10 {
		calls.Go(func() {
			for i := range 300 {
				body := fmt.Sprintf("%d.%d", g, i)
				r := asynccalls.NewRequest("server", "/keep", []byte(body))
				r.Key = fmt.Sprintf("key %d", i%7)
				if resp, err := client.CallOne(t.Context(), r); err != nil || string(resp.Body) != body {
					t.Errorf("call %s got %v, %v", body, resp, err)
				}
			}
		})
	}
	calls.Wait()
	checks.Wait()
}

// TestResponsesMayBeCopied sends copies that were made of a response before it was sent:
// each has its own place in the sequence.
func TestResponsesMayBeCopied(t *testing.T) {
	t.Parallel()
	broker := memory.New()
	t.Cleanup(func() { broker.Close() })
	server := newService(t, "server", broker)
	var sent [3]*asynccalls.Response
	server.Handle("/copy", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
		one := asynccalls.NewResponse([]byte("body"))
		two, three := *one, *one
		sent = [...]*asynccalls.Response{&two, one, &three}
		for _, r := range sent {
			if err := w.Send(ctx, r); err != nil {
				return err
			}
		}
		return nil
	})
	listen(t, server)
	i := 0
	for got, err := range newService(t, "client", broker).Call(t.Context(), asynccalls.NewRequest("server", "/copy", nil)).Responses() {
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("%s.%s.%d", got.RequestID, got.Run, i); got.ID != want || sent[i].ID != want {
			t.Errorf("response %d has the ID %s, and %s where it was sent, want %s", i, got.ID, sent[i].ID, want)
		}
		i++
	}
	if i != len(sent) {
		t.Errorf("got %d responses, want %d", i, len(sent))
	}
}

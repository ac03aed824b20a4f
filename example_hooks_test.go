package asynccalls_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/memory"
)

// start has a service listen until it is closed.
func start(s *asynccalls.Service) *asynccalls.Service {
	go s.Listen(context.Background())
	if err := s.Ready(context.Background()); err != nil {
		log.Fatal(err) //nolint:forbidigo // for examples
	}
	return s
}

// create returns a service.
func create(id string, d driver.Driver, o ...asynccalls.Option) *asynccalls.Service {
	s, err := asynccalls.New(id, d, o...)
	if err != nil {
		log.Fatal(err) //nolint:forbidigo // for examples
	}
	return s
}

// A service signs what it sends, and refuses what is not signed.
func ExampleHooks() {
	d := memory.New()
	shop := create("shop", d, asynccalls.Hooks{
		BeforeReceive: func(_ context.Context, r *asynccalls.Request) error {
			if r.Header.Get("signature") == "" {
				return errors.New("the request is not signed")
			}
			return nil
		},
	})
	defer shop.Close()
	shop.Handle("/price", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
		return w.Send(ctx, asynccalls.NewResponse([]byte("4 coins")))
	})
	start(shop)

	client := create("client", d, asynccalls.Hooks{
		BeforeSend: func(_ context.Context, r *asynccalls.Request) error {
			if len(r.Body) == 0 {
				return errors.New("there is nothing to sign")
			}
			if string(r.Body) == "apples" {
				r.Header.Set("signature", "of the client")
			}
			return nil
		},
		AfterSend: func(_ context.Context, r *asynccalls.Request, _ asynccalls.Source, err error) {
			fmt.Printf("sent %s: %v\n", r.Body, err)
		},
	})
	defer client.Close()
	for _, body := range []string{"apples", "pears", ""} {
		resp, err := client.CallOne(context.Background(), asynccalls.NewRequest("shop", "/price", []byte(body)))
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(string(resp.Body))
	}
	// Output:
	// sent apples: <nil>
	// 4 coins
	// sent pears: <nil>
	// call shop/price: status 400: the request is not signed
	// call shop/price: refused before it was sent: there is nothing to sign
}

// What becomes of each attempt at a request.
func ExampleHooks_attempts() {
	done := make(chan struct{})
	d := memory.New()
	shop := create("shop", d, asynccalls.Retry{Attempts: 2, Backoff: time.Millisecond}, asynccalls.Hooks{
		AfterHandle: func(_ context.Context, h *asynccalls.Handled) {
			fmt.Printf("attempt %d at %s: status %d\n", h.Attempt, h.Request.Endpoint, h.Status)
			if h.Retry.IsZero() {
				close(done)
			}
		},
		OnRetry: func(_ context.Context, h *asynccalls.Handled) {
			fmt.Println("again, because of:", h.Err)
		},
		OnDeadLetter: func(_ context.Context, h *asynccalls.Handled) {
			fmt.Println("a dead letter, because of:", h.Err)
		},
	})
	defer shop.Close()
	shop.Handle("/order", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
		return errors.New("the printer is on fire")
	})
	start(shop)

	client := create("client", d)
	defer client.Close()
	if err := client.Notify(context.Background(), asynccalls.NewRequest("shop", "/order", nil)); err != nil {
		log.Fatal(err)
	}
	<-done
	// Output:
	// attempt 1 at /order: status 500
	// again, because of: the printer is on fire
	// a dead letter, because of: the printer is on fire
	// attempt 2 at /order: status 500
}

// Responses that nobody waits for: a call was left, or its request was handled twice.
func ExampleHooks_unexpectedResponses() {
	d := memory.New()
	seen := make(chan struct{})
	client := create("client", d, asynccalls.Hooks{
		OnLateResponse: func(r *asynccalls.Response) {
			fmt.Printf("late: response %d\n", r.Seq)
			close(seen)
		},
		OnDuplicateResponse: func(r *asynccalls.Response) {
			fmt.Printf("duplicate: response %d of run %s\n", r.Seq, r.Run)
		},
	})
	defer client.Close()
	left := make(chan struct{})
	shop := create("shop", d)
	defer shop.Close()
	shop.Handle("/prices", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
		if err := w.Send(ctx, asynccalls.NewResponse([]byte("4 coins"))); err != nil {
			return err
		}
		<-left
		return w.Send(ctx, asynccalls.NewResponse([]byte("5 coins")))
	})
	start(shop)
	for resp, err := range client.Call(context.Background(), asynccalls.NewRequest("shop", "/prices", nil)).Responses() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(string(resp.Body), "will do")
		break
	}
	close(left)
	<-seen
	// Output:
	// 4 coins will do
	// late: response 1
}

// A service that keeps something per partition is told which ones are its own, and
// what the broker has deleted before it was received.
func ExampleHooks_partitions() {
	d := memory.New()
	client := create("client", d)
	defer client.Close()
	hooks := asynccalls.Hooks{
		OnAssign: func(p []driver.Partition) { fmt.Println("got", p) },
		OnRevoke: func(p []driver.Partition) { fmt.Println("gave up", p) },
		OnGap: func(lost *driver.LostError) {
			fmt.Printf("offsets %d to %d of partition %d are gone\n", lost.From, lost.To-1, lost.ID)
		},
	}
	for range 2 {
		done := make(chan struct{})
		shop := create("shop", d, asynccalls.Topics{Partitions: 1}, hooks)
		shop.Handle("/order", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
			close(done)
			return nil
		})
		start(shop)
		order(client)
		<-done
		shop.Close()
		order(client) // while nobody listens
		if err := d.DeleteRecords(driver.Partition{Topic: "shop.requests"}, 2); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// got [{shop.requests 0}]
	// gave up [{shop.requests 0}]
	// got [{shop.requests 0}]
	// offsets 1 to 1 of partition 0 are gone
	// gave up [{shop.requests 0}]
}

func order(client *asynccalls.Service) {
	if err := client.Notify(context.Background(), asynccalls.NewRequest("shop", "/order", nil)); err != nil {
		log.Fatal(err) //nolint:forbidigo // for examples
	}
}

package deadletters_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/deadletters"
	"github.com/asynccalls/asynccalls/driver/memory"
)

// Orders that could not be packed are packed by a version that can.
func ExampleReplay() {
	ctx := context.Background()
	d := memory.New()
	orders := make(chan string, 1)
	deploy := func(err error) *asynccalls.Service {
		s, _ := asynccalls.New("shop", d)
		s.Handle("/orders/{id}", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
			orders <- r.PathValue("id")
			return asynccalls.Permanent(err)
		})
		go s.Listen(ctx)
		if err := s.Ready(ctx); err != nil {
			log.Fatal(err)
		}
		return s
	}
	broken := deploy(errors.New("no such customer"))
	if err := broken.Notify(ctx, asynccalls.NewRequest("shop", "/orders/17", nil)); err != nil {
		log.Fatal(err)
	}
	fmt.Println("failed:", <-orders)
	broken.Close() // when it returns, the dead letter is stored

	defer deploy(nil).Close()
	o := deadletters.Options{Filter: deadletters.Filter{Endpoint: "/orders/*", Error: "customer"}}
	for r, err := range deadletters.Replay(ctx, d, "shop", o) {
		if err != nil || r.Err != nil {
			log.Fatal(err, r.Err)
		}
		fmt.Println("put back:", r.Letter.Error)
	}
	fmt.Println("packed:", <-orders)
	// Output:
	// failed: 17
	// put back: no such customer
	// packed: 17
}

// An order that nobody wants any more is not put back.
func ExampleDrop() {
	ctx := context.Background()
	d := memory.New()
	s, err := asynccalls.New("shop", d)
	if err != nil {
		log.Fatal(err)
	}
	failed := make(chan struct{})
	s.Handle("/orders/{id}", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
		close(failed)
		return asynccalls.Permanent(errors.New("no such customer"))
	})
	go s.Listen(ctx)
	if err := s.Ready(ctx); err != nil {
		log.Fatal(err)
	}
	if err := s.Notify(ctx, asynccalls.NewRequest("shop", "/orders/17", nil)); err != nil {
		log.Fatal(err)
	}
	<-failed
	s.Close() // when it returns, the dead letter is stored

	for r, err := range deadletters.Drop(ctx, d, "shop", deadletters.Options{}) {
		if err != nil || r.Err != nil {
			log.Fatal(err, r.Err)
		}
		fmt.Println("dropped:", r.Letter.Endpoint)
	}
	for r, err := range deadletters.Replay(ctx, d, "shop", deadletters.Options{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("skipped:", r.Skipped)
	}
	// Output:
	// dropped: /orders/17
	// skipped: it was dropped
}

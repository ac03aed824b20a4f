package asynccalls_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver/memory"
)

// A middleware that lets only requests with a token in, and one that adds it to
// calls.
func ExampleService_Use() {
	ctx := context.Background()
	d := memory.New()
	shop, err := asynccalls.New("shop", d)
	if err != nil {
		log.Fatal(err)
	}
	defer shop.Close()
	shop.Handle("/price", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
		return w.Send(ctx, asynccalls.NewResponse([]byte("4 coins")))
	})
	shop.Use(func(next asynccalls.Handler) asynccalls.Handler {
		return func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
			if r.Header.Get("token") == "" {
				return &asynccalls.Error{Status: 401, Message: "no token"}
			}
			return next(ctx, w, r)
		}
	})
	go shop.Listen(ctx)
	if err := shop.Ready(ctx); err != nil {
		log.Fatal(err)
	}

	client, err := asynccalls.New("client", d)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	_, err = client.CallOne(ctx, asynccalls.NewRequest("shop", "/price", nil))
	fmt.Println(err)

	client.UseCalls(func(next asynccalls.Caller) asynccalls.Caller {
		return func(ctx context.Context, r *asynccalls.Request) iter.Seq2[*asynccalls.Response, error] {
			r.Header.Set("token", "of the client")
			return next(ctx, r)
		}
	})
	resp, err := client.CallOne(ctx, asynccalls.NewRequest("shop", "/price", nil))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(resp.Body))
	// Output:
	// call shop/price: status 401: no token
	// 4 coins
}

// A middleware for handlers of responses that counts those that fail.
func ExampleService_UseResponses() {
	ctx := context.Background()
	d := memory.New()
	svc, err := asynccalls.New("shop", d)
	if err != nil {
		log.Fatal(err)
	}
	defer svc.Close()
	failures := make(chan error, 1)
	svc.UseResponses(func(next asynccalls.ResponseHandler) asynccalls.ResponseHandler {
		return func(ctx context.Context, r *asynccalls.Response) error {
			err := next(ctx, r)
			if err != nil {
				failures <- err
			}
			return err
		}
	})
	svc.Handle("/price", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
		return w.Send(ctx, asynccalls.NewResponse([]byte("4 coins")))
	})
	svc.HandleResponses("shop", "/price", func(context.Context, *asynccalls.Response) error {
		return asynccalls.Drop(errors.New("who has asked?"))
	})
	go svc.Listen(ctx)
	if err := svc.Ready(ctx); err != nil {
		log.Fatal(err)
	}
	if err := svc.Send(ctx, asynccalls.NewRequest("shop", "/price", nil)); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-failures)
	// Output: who has asked?
}

// An error handler decides what the errors of a database mean to callers.
func ExampleErrorHandler() {
	ctx := context.Background()
	d := memory.New()
	errNoRows := errors.New("no rows")
	shop, err := asynccalls.New("shop", d, asynccalls.ErrorHandler(func(_ context.Context, err error) error {
		if errors.Is(err, errNoRows) {
			return &asynccalls.Error{Status: 404, Message: "there is no such order"}
		}
		return err
	}))
	if err != nil {
		log.Fatal(err)
	}
	defer shop.Close()
	shop.Handle("/orders/{id}", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
		return fmt.Errorf("look up order %s: %w", r.PathValue("id"), errNoRows)
	})
	go shop.Listen(ctx)
	if err := shop.Ready(ctx); err != nil {
		log.Fatal(err)
	}
	_, err = shop.CallOne(ctx, asynccalls.NewRequest("shop", "/orders/17", nil))
	fmt.Println(err)
	// Output: call shop/orders/17: status 404: there is no such order
}

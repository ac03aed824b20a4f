package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/middleware"
)

// logger writes lines without what differs each time.
func logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			switch a.Key {
			case slog.TimeKey, "took", "first":
				return slog.Attr{}
			}
			return a
		},
	}))
}

func ExampleLog() {
	log := middleware.Log(logger()) // svc.Use(log)
	h := log(func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
		return errors.New("no database")
	})
	_ = h(context.Background(), nil, &asynccalls.Request{ID: "17", Endpoint: "/price", From: "shop", Attempt: 2})
	// Output: level=WARN msg="request handled" endpoint=/price request=17 from=shop attempt=2 responses=0 error="no database"
}

func ExampleLogResponses() {
	log := middleware.LogResponses(logger()) // svc.UseResponses(log)
	h := log(func(context.Context, *asynccalls.Response) error { return nil })
	_ = h(context.Background(), &asynccalls.Response{
		ID: "17.x.0", RequestID: "17", Service: "shop", Endpoint: "/price", Status: 200,
	})
	// Output: level=INFO msg="response handled" service=shop endpoint=/price request=17 response=17.x.0 status=200
}

// answer is a Caller that needs no broker.
func answer(context.Context, *asynccalls.Request) iter.Seq2[*asynccalls.Response, error] {
	return func(yield func(*asynccalls.Response, error) bool) {
		yield(asynccalls.NewResponse([]byte("4 coins")), nil)
	}
}

func ExampleLogCalls() {
	log := middleware.LogCalls(logger()) // svc.UseCalls(log)
	for resp, err := range log(answer)(context.Background(), &asynccalls.Request{ID: "17", Service: "shop", Endpoint: "/price"}) {
		fmt.Println(string(resp.Body), err)
	}
	// Output:
	// 4 coins <nil>
	// level=INFO msg="call ended" service=shop endpoint=/price request=17 responses=1
}

func ExampleTimeout() {
	timeout := middleware.Timeout(time.Minute) // svc.UseCalls(timeout)
	caller := timeout(func(ctx context.Context, r *asynccalls.Request) iter.Seq2[*asynccalls.Response, error] {
		_, has := ctx.Deadline()
		fmt.Println("has a deadline:", has)
		return answer(ctx, r)
	})
	for resp := range caller(context.Background(), asynccalls.NewRequest("shop", "/price", nil)) {
		fmt.Println(string(resp.Body))
	}
	// Output:
	// has a deadline: true
	// 4 coins
}

func ExampleIdempotent() {
	idempotent := middleware.Idempotent(middleware.NewMemory(100_000)) // svc.Use(idempotent)
	h := idempotent(func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
		fmt.Println("paid", string(r.Body))
		return nil
	})
	payment := asynccalls.NewRequest("bank", "/pay", []byte("4 coins"))
	for range 2 { // Kafka may deliver it again
		if err := h(context.Background(), nil, payment); err != nil {
			fmt.Println(err)
		}
	}
	// Output: paid 4 coins
}

func ExampleIdempotentResponses() {
	idempotent := middleware.IdempotentResponses(middleware.NewMemory(100_000)) // svc.UseResponses(idempotent)
	h := idempotent(func(_ context.Context, r *asynccalls.Response) error {
		fmt.Println("received", string(r.Body))
		return nil
	})
	for range 2 { // Kafka may deliver it again
		_ = h(context.Background(), &asynccalls.Response{ID: "17.x.0", Body: []byte("4 coins")})
	}
	// Output: received 4 coins
}

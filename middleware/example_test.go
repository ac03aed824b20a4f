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
	"github.com/asynccalls/asynccalls/driver/memory"
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

func ExampleValidateReceived() {
	hooks, err := middleware.ValidateReceived(map[string]string{
		"/orders/{id}": `{"type": "object", "required": ["amount"], "properties": {"amount": {"type": "integer"}}}`,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	// svc.UseHooks(hooks), or an option of asynccalls.New
	for _, body := range []string{`{"amount": 3}`, `{"amount": "three"}`, `{}`} {
		r := asynccalls.NewRequest("shop", "/orders/17", []byte(body))
		fmt.Println(hooks.BeforeReceive(context.Background(), r))
	}
	// Output:
	// <nil>
	// the body is not valid: /amount (type)
	// the body is not valid: / (required amount)
}

func ExampleValidateSent() {
	hooks, err := middleware.ValidateSent("shop", map[string]string{"/orders/{id}": `{"type": "object"}`})
	if err != nil {
		fmt.Println(err)
		return
	}
	// svc.UseHooks(hooks), or an option of asynccalls.New
	r := asynccalls.NewRequest("shop", "/orders/17", []byte(`"three apples"`))
	fmt.Println(hooks.BeforeSend(context.Background(), r))
	// Output: the body is not valid: / (type)
}

func ExampleRecover() {
	report := middleware.Recover(func(_ context.Context, r *asynccalls.Request, value any, _ []byte) error {
		fmt.Printf("%s panicked: %v\n", r.Endpoint, value) // to where somebody looks
		return asynccalls.Permanent(errors.New("a bug"))
	}) // svc.Use(report)
	h := report(func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
		var prices []int
		_ = prices[17]
		return nil
	})
	fmt.Println(h(context.Background(), nil, &asynccalls.Request{Endpoint: "/price"}))
	// Output:
	// /price panicked: runtime error: index out of range [17] with length 0
	// a bug
}

func ExampleCompression() {
	d := memory.New()
	defer d.Close()
	var services []*asynccalls.Service
	for _, id := range []string{"shop", "client"} {
		s, err := asynccalls.New(id, d, asynccalls.Hooks{BeforeReceive: func(_ context.Context, r *asynccalls.Request) error {
			fmt.Printf("arrives with %s, small: %t\n", r.Header.Get("content-encoding"), len(r.Body) < 10_000)
			return nil
		}})
		if err != nil {
			fmt.Println(err)
			return
		}
		defer s.Close()
		middleware.Compression{}.Use(s)
		services = append(services, s)
	}
	shop, client := services[0], services[1]
	shop.Handle("/count", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
		return w.Send(ctx, asynccalls.NewResponse(fmt.Appendf(nil, "%d bytes", len(r.Body))))
	})
	go shop.Listen(context.Background())
	resp, err := client.CallOne(context.Background(), asynccalls.NewRequest("shop", "/count", make([]byte, 1_000_000)))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(resp.Body))
	// Output:
	// arrives with gzip, small: true
	// 1000000 bytes
}

package asynccalls_test

import (
	"context"
	"fmt"
	"log"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver/memory"
)

// A durable request: its response reaches a handler, in whichever instance of
// the client runs by then.
func ExampleService_Send() {
	ctx := context.Background()
	s, err := asynccalls.New("shop", memory.New()) // client and server in one
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	s.Handle("/orders/{id}", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
		resp := asynccalls.NewResponse([]byte("packed order " + r.PathValue("id")))
		resp.End = true
		return w.Send(ctx, resp)
	})
	done := make(chan string, 1)
	s.HandleResponses("shop", "/orders/{id}", func(_ context.Context, r *asynccalls.Response) error {
		done <- string(r.Body)
		return r.Err()
	})
	go s.Listen(ctx)
	if err := s.Ready(ctx); err != nil {
		log.Fatal(err)
	}
	req := asynccalls.NewRequest("shop", "/orders/17", nil)
	req.Key = "17" // requests about one order keep their order
	if err := s.Send(ctx, req); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-done)
	// Output: packed order 17
}

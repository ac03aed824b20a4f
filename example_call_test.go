package asynccalls_test

import (
	"context"
	"fmt"
	"log"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver/memory"
)

// One request is answered by several responses, each of which arrives as soon as
// it is ready.
func ExampleService_Call() {
	ctx := context.Background()
	s, err := asynccalls.New("a-money-broker", memory.New())
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	show := func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
		for i := range 4 {
			if err := w.Send(ctx, asynccalls.NewResponse(fmt.Appendf(nil, "response %d", i+1))); err != nil {
				return err
			}
		}
		return nil
	}
	s.Handle("/show-me-the-money", show)
	go s.Listen(ctx)
	if err := s.Ready(ctx); err != nil {
		log.Fatal(err)
	}
	req := asynccalls.NewRequest("a-money-broker", "/show-me-the-money", nil)
	for resp, err := range s.Call(ctx, req).Responses() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n", resp.Body)
	}
	// Output:
	// response 1
	// response 2
	// response 3
	// response 4
}

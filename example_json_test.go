package asynccalls_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver/memory"
)

// Typed values instead of bytes, and an error with a status.
func ExampleHandleJSON() {
	ctx := context.Background()
	s, err := asynccalls.New("calculator", memory.New())
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	asynccalls.HandleJSON(s, "/half", func(_ context.Context, n int) (int, error) {
		if n%2 != 0 {
			return 0, &asynccalls.Error{Status: 422, Message: fmt.Sprintf("%d is odd", n)}
		}
		return n / 2, nil
	})
	go s.Listen(ctx)
	if err := s.Ready(ctx); err != nil {
		log.Fatal(err)
	}
	half, err := asynccalls.CallOneJSON[int](ctx, s, "calculator", "/half", 84)
	fmt.Println(half, err)
	_, err = asynccalls.CallOneJSON[int](ctx, s, "calculator", "/half", 7)
	var failed *asynccalls.Error
	if errors.As(err, &failed) {
		fmt.Println(failed.Status, failed.Message)
	}
	// Output:
	// 42 <nil>
	// 422 7 is odd
}

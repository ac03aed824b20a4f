package asynccalls_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver/memory"
)

// An endpoint that is hard on a database gets few handlers at a time, and little time;
// all others of the service share what the service has.
func ExampleLimits() {
	d := memory.New()
	shop := create("shop", d, asynccalls.Limits{Concurrency: 100})
	var mu sync.Mutex // guards running and most
	running, most := 0, 0
	shop.Handle("/report", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
		mu.Lock()
		running++
		most = max(most, running)
		mu.Unlock()
		defer func() {
			mu.Lock()
			running--
			mu.Unlock()
		}()
		<-time.After(time.Millisecond) // the database
		return w.Send(ctx, asynccalls.NewResponse(nil))
	}, asynccalls.Limits{Concurrency: 2, Handler: 5 * time.Second})
	start(shop)
	defer shop.Close()

	var calls sync.WaitGroup
	for range 10 {
		calls.Go(func() {
			if _, err := shop.CallOne(context.Background(), asynccalls.NewRequest("shop", "/report", nil)); err != nil {
				fmt.Println(err)
			}
		})
	}
	calls.Wait()
	fmt.Println("reports at a time, at most:", most)
	// Output: reports at a time, at most: 2
}

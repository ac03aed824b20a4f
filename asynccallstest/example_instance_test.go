package asynccallstest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/driver"
)

// A service is asked, starts again, and is asked again.
func ExampleInstance() {
	test(func(t *testing.T) {
		asynccallstest.Run(t, func(_ testing.TB, b *asynccallstest.Broker) {
			greeter := b.Start(newGreeter)
			greeter.Call(asynccalls.NewRequest("greeter", "/hi/Ann", nil))
			greeter.Restart()
			greeter.Call(asynccalls.NewRequest("greeter", "/hi/Bob", nil))
			for _, r := range greeter.Received() {
				fmt.Println(r.ID, r.Endpoint)
			}
		})
	})
	// Output:
	// req-1 /hi/Ann
	// req-2 /hi/Bob
}

func ExampleInstance_Call() {
	test(func(t *testing.T) {
		asynccallstest.Run(t, func(_ testing.TB, b *asynccallstest.Broker) {
			got := b.Start(newGreeter).Call(asynccalls.NewRequest("greeter", "/bye", nil))
			fmt.Println(len(got.Responses), got.Err)
		})
	})
	// Output: 0 call greeter/bye: status 404: unknown endpoint "/bye"
}

// A one-way request has no answer, and no error: what became of it is in the verdict.
func ExampleInstance_Notify() {
	test(func(t *testing.T) {
		asynccallstest.Run(t, func(_ testing.TB, b *asynccallstest.Broker) {
			got := b.Start(newGreeter).Notify(asynccalls.NewRequest("greeter", "/bye", nil))
			fmt.Println(got.Err, got.Verdict)
		})
	})
	// Output: <nil> DeadLettered
}

// A durable request is tried again before its caller is told that it failed.
func ExampleInstance_Send() {
	test(func(t *testing.T) {
		asynccallstest.Run(t, func(_ testing.TB, b *asynccallstest.Broker) {
			door := b.Start(service("door", map[string]asynccalls.Handler{
				"/open": asynccallstest.Script("wait", errors.New("it is stuck")),
			}))
			got := door.Send(asynccalls.NewRequest("door", "/open", nil))
			fmt.Println(got.Attempts, "attempts,", len(got.Responses), "responses,", got.Verdict)
			fmt.Println("the caller:", got.Err)
			fmt.Println("the service:", got.Cause)
		})
	})
	// Output:
	// 5 attempts, 5 responses, DeadLettered
	// the caller: status 500: internal error
	// the service: it is stuck
}

func ExampleInstance_Sent() {
	test(func(t *testing.T) {
		asynccallstest.Run(t, func(_ testing.TB, b *asynccallstest.Broker) {
			b.Start(newGreeter)
			party := b.Start(newParty)
			party.Notify(asynccalls.NewRequest("party", "/guests/Ann", nil))
			party.Notify(asynccalls.NewRequest("party", "/guests/Bob", nil))
			for _, r := range party.Sent() {
				fmt.Println(r.Service + r.Endpoint)
			}
		})
	})
	// Output:
	// greeter/hi/Ann
	// greeter/hi/Bob
}

func ExampleInstance_Received() {
	test(func(t *testing.T) {
		asynccallstest.Run(t, func(_ testing.TB, b *asynccallstest.Broker) {
			greeter := b.Start(newGreeter)
			b.Start(newParty).Notify(asynccalls.NewRequest("party", "/guests/Ann", nil))
			for _, r := range greeter.Received() {
				fmt.Println(r.Endpoint, "from", r.From)
			}
		})
	})
	// Output: /hi/Ann from party
}

func ExampleInstance_DeadLetters() {
	test(func(t *testing.T) {
		asynccallstest.Run(t, func(_ testing.TB, b *asynccallstest.Broker) {
			greeter := b.Start(newGreeter)
			greeter.Notify(asynccalls.NewRequest("greeter", "/hi/Ann", nil))
			greeter.Notify(asynccalls.NewRequest("greeter", "/bye/Ann", nil))
			for _, r := range greeter.DeadLetters() {
				fmt.Println(r.Endpoint)
			}
		})
	})
	// Output: /bye/Ann
}

// A service without handlers is a client: the test has it call.
func ExampleInstance_Service() {
	test(func(t *testing.T) {
		asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
			b.Start(newGreeter)
			guest := b.Start(func(d driver.Driver) (*asynccalls.Service, error) { return asynccalls.New("guest", d) })
			resp, err := guest.Service().CallOne(t.Context(), asynccalls.NewRequest("greeter", "/hi/you", nil))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Printf("%s\n", resp.Body)
		})
	})
	// Output: Hello, you
}

// A request that was handled and not yet committed is delivered again after a crash.
func ExampleInstance_Crash() {
	test(func(t *testing.T) {
		asynccallstest.Run(t, func(_ testing.TB, b *asynccallstest.Broker) {
			door := b.Start(service("door", map[string]asynccalls.Handler{
				"/enter": func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
					fmt.Println("enter", r.ID)
					return nil
				},
			}))
			door.Notify(asynccalls.NewRequest("door", "/enter", nil))
			door.Crash()
			b.Wait()
		})
	})
	// Output:
	// enter req-1
	// enter req-1
}

// A service that ends as it should has committed what it has handled.
func ExampleInstance_Restart() {
	test(func(t *testing.T) {
		asynccallstest.Run(t, func(_ testing.TB, b *asynccallstest.Broker) {
			door := b.Start(service("door", map[string]asynccalls.Handler{
				"/enter": func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
					fmt.Println("enter", r.ID)
					return nil
				},
			}))
			door.Notify(asynccalls.NewRequest("door", "/enter", nil))
			door.Restart()
			b.Wait()
		})
	})
	// Output: enter req-1
}

// All that came of a request.
func ExampleResult() {
	test(func(t *testing.T) {
		asynccallstest.Run(t, func(_ testing.TB, b *asynccallstest.Broker) {
			b.Start(newGreeter)
			got := b.Start(newParty).Call(asynccalls.NewRequest("party", "/guests/Ann", nil))
			fmt.Println(got.Verdict, "after", got.Attempts, "attempt, with", len(got.Responses), "responses")
			fmt.Println("it sent", got.Sent[0].Service+got.Sent[0].Endpoint)
		})
	})
	// Output:
	// Done after 1 attempt, with 0 responses
	// it sent greeter/hi/Ann
}

// One handler for each verdict.
func ExampleVerdict() {
	handlers := []asynccalls.Handler{
		asynccallstest.Script("welcome"),
		asynccallstest.Script(&asynccalls.Error{Status: 403, Message: "no shoes"}),
		asynccallstest.Script(asynccalls.Drop(errors.New("the party is over"))),
	}
	test(func(t *testing.T) {
		asynccallstest.Run(t, func(_ testing.TB, b *asynccallstest.Broker) {
			for i, h := range handlers {
				id := fmt.Sprint("door", i)
				door := b.Start(service(id, map[string]asynccalls.Handler{"/enter": h}))
				called := door.Call(asynccalls.NewRequest(id, "/enter", nil))
				notified := door.Notify(asynccalls.NewRequest(id, "/enter", nil))
				fmt.Println("called:", called.Verdict, "- notified:", notified.Verdict)
			}
		})
	})
	// Output:
	// called: Done - notified: Done
	// called: Failed - notified: DeadLettered
	// called: Dropped - notified: Dropped
}

func ExampleVerdict_String() {
	fmt.Println(asynccallstest.Pending.String())
	// Output: Pending
}

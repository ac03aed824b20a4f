package asynccallstest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
)

// A fake answers twice, with a pause, and fails.
func ExampleScript() {
	script := asynccallstest.Script("Hello", time.Second, map[string]int{"guests": 2},
		&asynccalls.Error{Status: 503, Message: "the door is closed"})
	test(func(t *testing.T) {
		asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
			b.Fake("greeter", func(s *asynccalls.Service) { s.Handle("/hi", script) })
			begun := time.Now()
			for resp, err := range b.Client().Call(t.Context(), asynccalls.NewRequest("greeter", "/hi", nil)).Responses() {
				if err != nil {
					fmt.Println(err)
					return
				}
				fmt.Printf("%v: %s\n", time.Since(begun).Round(time.Millisecond), resp.Body)
			}
		})
	})
	// Output:
	// 0s: Hello
	// 1s: {"guests":2}
	// call greeter/hi: status 503: the door is closed
}

// A service stops between two responses: its caller waits until the deadline.
func ExampleNoEnd() {
	test(func(t *testing.T) {
		asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
			b.Fake("greeter", func(s *asynccalls.Service) {
				s.Handle("/hi", asynccallstest.Script("Hello", asynccallstest.NoEnd))
			})
			for resp, err := range b.Client().Call(t.Context(), asynccalls.NewRequest("greeter", "/hi", nil)).Responses() {
				if err != nil {
					fmt.Println(err)
					return
				}
				fmt.Printf("%s\n", resp.Body)
			}
		})
	})
	// Output:
	// Hello
	// call greeter/hi: context deadline exceeded
}

// What a service has sent is compared with what it should send: JSON as JSON.
func ExampleEqual() {
	test(func(t *testing.T) {
		asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
			greeter := b.Fake("greeter", func(s *asynccalls.Service) { s.Handle("/hi", asynccallstest.Script()) })
			r := asynccalls.NewRequest("greeter", "/hi", []byte(`{"name":"Ann","age":7}`))
			if err := b.Client().Notify(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			asynccallstest.Equal(t, greeter.Received(),
				asynccalls.NewRequest("greeter", "/hi", []byte(`{"age": 7, "name": "Ann"}`)))
			fmt.Println("the test has failed:", t.Failed())
		})
	})
	// Output: the test has failed: false
}

// What it has answered is compared in the same way.
func ExampleEqual_responses() {
	test(func(t *testing.T) {
		asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
			got := b.Start(newGreeter).Call(asynccalls.NewRequest("greeter", "/hi/you", nil))
			asynccallstest.Equal(t, got.Responses, asynccalls.NewResponse([]byte("Hello, you")))
			fmt.Println("the test has failed:", t.Failed())
		})
	})
	// Output: the test has failed: false
}

package asynccallstest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/driver"
)

// Two services and a client on one broker.
func ExampleBroker() {
	test(func(t *testing.T) {
		asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
			b.Start(newGreeter)
			b.Start(newParty)
			for _, name := range []string{"Ann", "Bob"} {
				if err := b.Client().Notify(t.Context(), asynccalls.NewRequest("party", "/guests/"+name, nil)); err != nil {
					t.Fatal(err)
				}
			}
			b.Wait()
			for _, r := range b.Sent() {
				fmt.Println(r.ID, "from", r.From, "to", r.Service+r.Endpoint)
			}
		})
	})
	// Output:
	// req-1 from test to party/guests/Ann
	// req-2 from test to party/guests/Bob
	// req-3 from party to greeter/hi/Ann
	// req-4 from party to greeter/hi/Bob
}

// What outlives a crash is made outside of the function that starts the service.
func ExampleBroker_Start() {
	test(func(t *testing.T) {
		asynccallstest.Run(t, func(_ testing.TB, b *asynccallstest.Broker) {
			visits := 0 // a database
			door := b.Start(func(d driver.Driver) (*asynccalls.Service, error) {
				s, err := asynccalls.New("door", d)
				if err != nil {
					return nil, err
				}
				s.Handle("/enter", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
					visits++
					return nil
				})
				return s, nil
			})
			door.Notify(asynccalls.NewRequest("door", "/enter", nil))
			fmt.Println(visits)
		})
	})
	// Output: 1
}

func ExampleBroker_Fake() {
	test(func(t *testing.T) {
		asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
			b.Fake("greeter", func(s *asynccalls.Service) { s.Handle("/hi/{name}", asynccallstest.Script("Go away")) })
			resp, err := b.Client().CallOne(t.Context(), asynccalls.NewRequest("greeter", "/hi/you", nil))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Printf("%s\n", resp.Body)
		})
	})
	// Output: Go away
}

// The client is what a function gets that calls services.
func ExampleBroker_Client() {
	greet := func(ctx context.Context, s *asynccalls.Service, name string) string {
		resp, err := s.CallOne(ctx, asynccalls.NewRequest("greeter", "/hi/"+name, nil))
		if err != nil {
			return "nobody is there"
		}
		return string(resp.Body)
	}
	test(func(t *testing.T) {
		asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
			fmt.Println(greet(t.Context(), b.Client(), "you"))
			b.Start(newGreeter)
			fmt.Println(greet(t.Context(), b.Client(), "you"))
		})
	})
	// Output:
	// nobody is there
	// Hello, you
}

func ExampleBroker_Sent() {
	test(func(t *testing.T) {
		asynccallstest.Run(t, func(_ testing.TB, b *asynccallstest.Broker) {
			b.Start(newGreeter)
			b.Start(newParty).Notify(asynccalls.NewRequest("party", "/guests/Ann", nil))
			for _, r := range b.Sent() {
				fmt.Println(r.ID, r.Service+r.Endpoint)
			}
		})
	})
	// Output:
	// req-1 party/guests/Ann
	// req-2 greeter/hi/Ann
}

// Wait returns when all is handled, retries included.
func ExampleBroker_Wait() {
	test(func(t *testing.T) {
		asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
			tries := 0
			b.Fake("door", func(s *asynccalls.Service) {
				s.Handle("/open", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
					if tries++; tries < 3 {
						return errors.New("it is stuck")
					}
					return nil
				})
			})
			if err := b.Client().Notify(t.Context(), asynccalls.NewRequest("door", "/open", nil)); err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			b.Wait()
			fmt.Println(tries, "tries,", time.Since(begun) > 300*time.Millisecond)
		})
	})
	// Output: 3 tries, true
}

// A panic of a handler fails the test, unless it is what the test is about.
func ExampleBroker_AllowPanics() {
	test(func(t *testing.T) {
		asynccallstest.Run(t, func(_ testing.TB, b *asynccallstest.Broker) {
			b.AllowPanics()
			door := b.Start(service("door", map[string]asynccalls.Handler{
				"/open": func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
					visitors := strings.Fields(string(r.Body))
					fmt.Println("welcome", visitors[0])
					return nil
				},
			}))
			got := door.Call(asynccalls.NewRequest("door", "/open", nil))
			fmt.Println(got.Err)
			fmt.Println(got.Cause)
		})
	})
	// Output:
	// call door/open: status 500: internal error
	// panic: runtime error: index out of range [0] with length 0
}

// A transcript is the same each time, to the byte: a file may hold what is expected.
func ExampleBroker_Transcript() {
	test(func(t *testing.T) {
		asynccallstest.Run(t, func(_ testing.TB, b *asynccallstest.Broker) {
			b.Start(newGreeter).Call(asynccalls.NewRequest("greeter", "/hi/you", nil))
			fmt.Print(b.Transcript())
		})
	})
	// Output:
	// 0s test -> greeter/hi/you: call req-1
	// 0s greeter -> test: answer 0 to req-1 Hello, you
	// 0s greeter -> test: end of req-1
}

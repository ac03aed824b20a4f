package asynccallstest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/franz"
	"github.com/asynccalls/asynccalls/embedded"
)

// A service is started as its program does, and handed a request.
func ExampleRun() {
	test(func(t *testing.T) {
		asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
			greeter := b.Start(newGreeter)
			got := greeter.Call(asynccalls.NewRequest("greeter", "/hi/you", nil))
			fmt.Printf("%s, %v\n", got.Responses[0].Body, got.Verdict)
		})
	})
	// Output: Hello, you, Done
}

// Time passes when nothing is left to do.
func ExampleRun_time() {
	test(func(t *testing.T) {
		asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
			b.Fake("greeter", func(s *asynccalls.Service) { s.Handle("/hi", asynccallstest.Script(time.Hour, "Hello")) })
			begun := time.Now()
			_, err := b.Client().CallOne(t.Context(), asynccalls.NewRequest("greeter", "/hi", nil))
			fmt.Println(err)
			fmt.Println(time.Since(begun).Round(time.Second))
		})
	})
	// Output:
	// call greeter/hi: context deadline exceeded
	// 30s
}

// A test runs on Kafka: here the one inside the process, elsewhere
// franz.Open("localhost:9092").
func ExampleOn() {
	kafka := func(t testing.TB) driver.Driver {
		k, err := embedded.Start(embedded.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { k.Close() })
		d, err := franz.Open(k.Addr())
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	test(func(t *testing.T) {
		asynccallstest.Run(t, func(_ testing.TB, b *asynccallstest.Broker) {
			greeter := b.Start(newGreeter)
			got := greeter.Call(asynccalls.NewRequest("greeter", "/hi/you", nil))
			fmt.Printf("%s\n", got.Responses[0].Body)
		}, asynccallstest.On(kafka))
	})
	// Output: Hello, you
}

// Services that share a cluster with others have a prefix; the client of the test
// needs the same.
func ExampleDefaults() {
	topics := asynccalls.Topics{Prefix: "staging."}
	test(func(t *testing.T) {
		asynccallstest.Run(t, func(_ testing.TB, b *asynccallstest.Broker) {
			greeter := b.Start(func(d driver.Driver) (*asynccalls.Service, error) {
				s, err := asynccalls.New("greeter", d, topics)
				if err == nil {
					s.Handle("/hi", asynccallstest.Script("Hello"))
				}
				return s, err
			})
			got := greeter.Call(asynccalls.NewRequest("greeter", "/hi", nil))
			fmt.Printf("%s\n", got.Responses[0].Body)
		}, asynccallstest.Defaults(topics))
	})
	// Output: Hello
}

// All tests of a package take the same options.
func ExampleOption() {
	options := []asynccallstest.Option{asynccallstest.Defaults(asynccalls.Limits{Call: time.Minute})}
	test(func(t *testing.T) {
		asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
			b.Fake("greeter", func(s *asynccalls.Service) { s.Handle("/hi", asynccallstest.Script(asynccallstest.NoEnd)) })
			begun := time.Now()
			_, _ = b.Client().CallOne(t.Context(), asynccalls.NewRequest("greeter", "/hi", nil))
			fmt.Println("the call ended after", time.Since(begun).Round(time.Second))
		}, options...)
	})
	// Output: the call ended after 1m0s
}

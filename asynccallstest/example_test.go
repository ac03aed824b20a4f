package asynccallstest_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
)

// test takes the place of a function of a test file: what is test(func…) in an example
// is func TestHi(t *testing.T) there.
func test(f func(t *testing.T)) {
	var once sync.Once // go test -count and -cpu run a test several times
	out := os.Stdout
	show := func(t *testing.T) {
		os.Stdout = out
		defer func() { os.Stdout = os.Stderr }()
		f(t)
	}
	os.Stdout = os.Stderr // where the testing package says what it does
	defer func() { os.Stdout = out }()
	if !testing.RunTests(
		func(string, string) (bool, error) { return true, nil },
		[]testing.InternalTest{{Name: "TestHi", F: func(t *testing.T) { once.Do(func() { show(t) }) }}},
	) {
		fmt.Fprintln(out, "the test fails")
	}
}

// newGreeter returns a service that says hello: the function that its program calls
// as well.
func newGreeter(d driver.Driver) (*asynccalls.Service, error) {
	s, err := asynccalls.New("greeter", d)
	if err != nil {
		return nil, err
	}
	s.Handle("/hi/{name}", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
		return w.Send(ctx, asynccalls.NewResponse([]byte("Hello, "+r.PathValue("name"))))
	})
	return s, nil
}

// newParty returns a service that has somebody greeted.
func newParty(d driver.Driver) (*asynccalls.Service, error) {
	s, err := asynccalls.New("party", d)
	if err != nil {
		return nil, err
	}
	s.Handle("/guests/{name}", func(ctx context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
		return s.Notify(ctx, asynccalls.NewRequest("greeter", "/hi/"+r.PathValue("name"), nil))
	})
	return s, nil
}

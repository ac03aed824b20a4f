package asynccallstest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asynccallstest"
)

// enterOnce is a test that holds as long as nothing goes wrong: one guest enters, and
// the list has one name.
func enterOnce(t testing.TB, b *asynccallstest.Broker) {
	var guests []string // a database
	door := b.Start(service("door", map[string]asynccalls.Handler{
		"/enter": func(ctx context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
			b.Step(ctx, "writes the list")
			guests = append(guests, string(r.Body))
			return nil
		},
	}))
	door.Notify(asynccalls.NewRequest("door", "/enter", []byte("Ann")))
	b.Wait()
	if len(guests) != 1 {
		t.Errorf("guests are %q, want Ann", guests)
	}
}

// enterIfNew is the same test of a service that looks at its list.
func enterIfNew(t testing.TB, b *asynccallstest.Broker) {
	guests := make(map[string]bool)
	door := b.Start(service("door", map[string]asynccalls.Handler{
		"/enter": func(ctx context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
			b.Step(ctx, "writes the list")
			guests[string(r.Body)] = true
			return nil
		},
	}))
	door.Notify(asynccalls.NewRequest("door", "/enter", []byte("Ann")))
	b.Wait()
	if len(guests) != 1 {
		t.Errorf("guests are %v, want Ann", guests)
	}
}

// The test holds in each schedule that deviates up to twice.
func ExampleExplore() {
	test(func(t *testing.T) {
		asynccallstest.Explore(t, asynccallstest.Bound{}, enterIfNew)
		fmt.Println("the test has failed:", t.Failed())
	})
	// Output: the test has failed: false
}

func ExampleSearch() {
	test(func(t *testing.T) {
		asynccallstest.Run(t, enterOnce) // it holds
		r := asynccallstest.Search(t, asynccallstest.Bound{}, enterOnce)
		fmt.Println("found:", strings.TrimSpace(r.Failures[0]))
	})
	// Output: found: guests are ["Ann" "Ann"], want Ann
}

// The schedules grow in number with what may go wrong in one of them.
func ExampleBound() {
	test(func(t *testing.T) {
		for deviations := 1; deviations <= 3; deviations++ {
			bound := asynccallstest.Bound{Deviations: deviations, Schedules: 100}
			r := asynccallstest.Search(t, bound, enterIfNew)
			fmt.Println(deviations, r.Schedules > 40, r.Complete)
		}
	})
	// Output:
	// 1 false true
	// 2 true true
	// 3 true false
}

// A report has the steps of the shortest schedule that fails.
func ExampleReport() {
	test(func(t *testing.T) {
		r := asynccallstest.Search(t, asynccallstest.Bound{}, enterOnce)
		for _, step := range r.Steps {
			if strings.Contains(step, "!") {
				fmt.Println(step)
			}
		}
		fmt.Println(r.Again)
	})
	// Output:
	//    2 ! door: begins /enter req-1, but first all that was not committed is delivered again
	// ASYNCCALLSTEST_SCHEDULE=2:2 go test -run '^TestHi$'
}

func ExampleReport_Failed() {
	test(func(t *testing.T) {
		fmt.Println(asynccallstest.Search(t, asynccallstest.Bound{}, enterIfNew).Failed())
		fmt.Println(asynccallstest.Search(t, asynccallstest.Bound{}, enterOnce).Failed())
	})
	// Output:
	// false
	// true
}

func ExampleReport_String() {
	test(func(t *testing.T) {
		fmt.Println(asynccallstest.Search(t, asynccallstest.Bound{}, enterOnce).String())
	})
	// Output:
	// explored 4 schedules, 11 states, up to 8 steps; this one fails:
	//    1   test: the broker stores request req-1 to door/enter
	//    2 ! door: begins /enter req-1, but first all that was not committed is delivered again
	//    3   door: begins /enter req-1
	//    4   door: begins /enter req-1
	//    5   door: /enter req-1 writes the list
	//    6   door: /enter req-1 writes the list
	//    7   door: commits door.requests/0 up to 1
	// guests are ["Ann" "Ann"], want Ann
	// once more: ASYNCCALLSTEST_SCHEDULE=2:2 go test -run '^TestHi$'
}

// A fake database says where a handler may be interrupted: here between reading and
// writing, so that two handlers read the same.
func ExampleBroker_Step() {
	seats := func(t testing.TB, b *asynccallstest.Broker) {
		free := 10 // a database
		b.Start(service("seats", map[string]asynccalls.Handler{
			"/take": func(ctx context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
				n := free
				b.Step(ctx, "has read the number")
				free = n - 1
				return nil
			},
		}))
		for range 2 {
			if err := b.Client().Notify(t.Context(), asynccalls.NewRequest("seats", "/take", nil)); err != nil {
				t.Fatal(err)
			}
		}
		b.Wait()
		if free > 8 {
			t.Errorf("%d seats are free, want 8", free)
		}
	}
	test(func(t *testing.T) {
		r := asynccallstest.Search(t, asynccallstest.Bound{}, seats)
		fmt.Print(r.Failures[0])
	})
	// Output: 9 seats are free, want 8
}

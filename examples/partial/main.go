// Partial is a search that sends each hit as soon as it has it, and a client that
// leaves when it has enough of them: it neither waits for the slow shops, nor gets
// their hits.
//
//	go run ./examples/partial
//	go run ./examples/partial -enough 2 -below 60
//
// Leaving the loop ends the call. The request is not taken back: the search goes on
// to its end, and what it still sends is dropped by the client.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/examples/internal/program"
)

func main() { program.Main("partial", run) }

// offer is one hit of the search.
type offer struct {
	Shop  string `json:"shop"`
	Price int    `json:"price"`
}

// shops is what the search finds, in the order in which the shops answer.
func shops() []offer {
	return []offer{
		{"corner shop", 89},
		{"outlet", 45},
		{"department store", 120},
		{"online", 52},
		{"second hand", 30},
		{"boutique", 210},
		{"mail order", 64},
	}
}

func run(ctx context.Context, out io.Writer, args []string) error {
	flags := program.NewFlags("partial")
	pause := flags.Duration("pause", 300*time.Millisecond, "time between two hits")
	enough := flags.Int("enough", 3, "number of offers to wait for")
	below := flags.Int("below", 100, "the price that an offer must be below")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *enough < 1 {
		return fmt.Errorf("-enough is %d, want at least 1", *enough)
	}
	d, end, err := flags.Open(out)
	if err != nil {
		return err
	}
	defer end()
	sent := make(chan int, 1)
	search, err := newSearch(d, *pause, sent)
	if err != nil {
		return err
	}
	stop, err := program.Serve(ctx, search)
	if err != nil {
		return err
	}
	err = find(ctx, out, d, *enough, *below)
	if err == nil {
		select {
		case n := <-sent:
			fmt.Fprintf(out, "the search has sent %d offers in all\n", n)
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	return errors.Join(err, stop())
}

// newSearch returns the service that searches. It tells how many offers it has sent.
func newSearch(d driver.Driver, pause time.Duration, sent chan<- int) (*asynccalls.Service, error) {
	s, err := asynccalls.New("search", d)
	if err != nil {
		return nil, err
	}
	asynccalls.StreamJSON(s, "/offers", func(ctx context.Context, _ string, send func(offer) error) error {
		n := 0
		defer func() {
			select {
			case sent <- n:
			default: // the request was handled before
			}
		}()
		for _, o := range shops() {
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			if err := send(o); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return s, nil
}

// find prints the first offers that are cheap, and leaves when there are enough.
func find(ctx context.Context, out io.Writer, d driver.Driver, enough, below int) error {
	client, err := asynccalls.New("shopper", d)
	if err != nil {
		return err
	}
	defer client.Close()
	start, found := time.Now(), 0
	for o, err := range asynccalls.CallJSON[offer](ctx, client, "search", "/offers", "red shoes") {
		if err != nil {
			return err
		}
		if o.Price >= below {
			continue
		}
		found++
		fmt.Fprintf(out, "after %4.1fs: %s has them for %d\n", time.Since(start).Seconds(), o.Shop, o.Price)
		if found == enough {
			fmt.Fprintln(out, "that is enough")
			return nil
		}
	}
	fmt.Fprintf(out, "after %4.1fs: there are no more than %d\n", time.Since(start).Seconds(), found)
	return nil
}

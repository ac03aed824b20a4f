// Fanout is a service that asks five others at once, under one deadline, and answers
// with what has arrived by then and what has not.
//
//	go run ./examples/fanout
//	go run ./examples/fanout -within 2s
//
// The deadline is that of a context: each of the five requests carries what is left
// of it, and a service that comes to such a request too late does not start it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/examples/internal/program"
)

func main() { program.Main("fanout", run) }

// part is what one of the five knows of a trip.
type part struct {
	From string `json:"from"`
	Text string `json:"text,omitempty"`
	Err  string `json:"err,omitempty"` // instead of the text
}

// source is one of the five.
type source struct {
	name  string
	takes time.Duration // to answer
	text  string
	err   error
}

func sources() []source {
	return []source{
		{"flights", 100 * time.Millisecond, "3 flights from 99", nil},
		{"hotels", 250 * time.Millisecond, "12 rooms from 70", nil},
		{"weather", 10 * time.Millisecond, "sun, 24 degrees", nil},
		{"cars", 50 * time.Millisecond, "", &asynccalls.Error{Status: 503, Message: "all cars are out"}},
		{"events", 1200 * time.Millisecond, "jazz in the park", nil},
	}
}

func run(ctx context.Context, out io.Writer, args []string) error {
	flags := program.NewFlags("fanout")
	within := flags.Duration("within", 500*time.Millisecond, "time that the five have to answer")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *within <= 0 {
		return fmt.Errorf("-within is %v, want more than 0", *within)
	}
	d, end, err := flags.Open(out)
	if err != nil {
		return err
	}
	defer end()
	planner, err := newPlanner(d, *within)
	if err != nil {
		return err
	}
	services := []*asynccalls.Service{planner}
	for _, s := range sources() {
		service, err := newSource(d, s)
		if err != nil {
			return err
		}
		services = append(services, service)
	}
	stop, err := program.Serve(ctx, services...)
	if err != nil {
		return err
	}
	return errors.Join(plan(ctx, out, d), stop())
}

// newSource returns the service that knows one part.
func newSource(d driver.Driver, s source) (*asynccalls.Service, error) {
	service, err := asynccalls.New(s.name, d)
	if err != nil {
		return nil, err
	}
	asynccalls.HandleJSON(service, "/about/{place}", func(ctx context.Context, _ struct{}) (string, error) {
		select {
		case <-time.After(s.takes):
			return s.text, s.err
		case <-ctx.Done(): // nobody waits any more
			return "", context.Cause(ctx)
		}
	})
	return service, nil
}

// newPlanner returns the service that asks the five.
func newPlanner(d driver.Driver, within time.Duration) (*asynccalls.Service, error) {
	s, err := asynccalls.New("planner", d)
	if err != nil {
		return nil, err
	}
	asynccalls.HandleJSON(s, "/trip", func(ctx context.Context, place string) ([]part, error) {
		ctx, cancel := context.WithTimeout(ctx, within)
		defer cancel()
		parts := make([]part, len(sources()))
		var wg sync.WaitGroup
		for i, about := range sources() {
			wg.Go(func() { parts[i] = ask(ctx, s, about.name, place) })
		}
		wg.Wait()
		return parts, nil
	})
	return s, nil
}

// ask asks one of the five. It waits no longer than ctx.
func ask(ctx context.Context, s *asynccalls.Service, service, place string) part {
	text, err := asynccalls.CallOneJSON[string](ctx, s, service, "/about/"+place, struct{}{})
	var answered *asynccalls.Error
	switch {
	case errors.As(err, &answered):
		return part{From: service, Err: answered.Message}
	case errors.Is(err, context.DeadlineExceeded):
		return part{From: service, Err: "no answer in time"}
	case err != nil:
		return part{From: service, Err: err.Error()}
	default:
		return part{From: service, Text: text}
	}
}

// plan asks the planner, and prints what it knows and what it lacks.
func plan(ctx context.Context, out io.Writer, d driver.Driver) error {
	client, err := asynccalls.New("tourist", d)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Ready(ctx); err != nil {
		return err
	}
	start := time.Now()
	parts, err := asynccalls.CallOneJSON[[]part](ctx, client, "planner", "/trip", "lisbon")
	if err != nil {
		return err
	}
	missing := slices.DeleteFunc(slices.Clone(parts), func(p part) bool { return p.Err == "" })
	took, arrived := time.Since(start), len(parts)-len(missing)
	fmt.Fprintf(out, "after %.1fs: %d of %d have answered\n", took.Seconds(), arrived, len(parts))
	for _, p := range parts {
		if p.Err == "" {
			fmt.Fprintf(out, "%-8s %s\n", p.From, p.Text)
		}
	}
	for _, p := range missing {
		fmt.Fprintf(out, "missing: %s: %s\n", p.From, p.Err)
	}
	return nil
}

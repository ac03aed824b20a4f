// Moneybroker is a service that answers one request with four responses, a
// second apart, and a client that prints each when it arrives.
//
//	go run ./examples/moneybroker
//
// runs both in one process, with a Kafka broker inside it. With -brokers they
// use a real one, and -serve and -call split them into two processes:
//
//	go run ./examples/moneybroker -brokers localhost:9092 -serve
//	go run ./examples/moneybroker -brokers localhost:9092 -call
//
// Ctrl-C lets the service finish what it has begun.
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

const (
	moneyBroker = "a-money-broker"
	showMoney   = "/show-me-the-money"
)

func main() { program.Main("moneybroker", run) }

// settings is what the command line says.
type settings struct {
	serve, call bool
	pause       time.Duration
}

func run(ctx context.Context, out io.Writer, args []string) error {
	var s settings
	flags := program.NewFlags("moneybroker")
	flags.BoolVar(&s.serve, "serve", false, "only serve, until Ctrl-C")
	flags.BoolVar(&s.call, "call", false, "only call a service that another process serves")
	flags.DurationVar(&s.pause, "pause", time.Second, "time between two responses")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if (s.serve || s.call) && flags.Brokers == "" {
		return errors.New("-serve and -call need -brokers: two processes cannot share the broker inside one of them")
	}
	if s.serve && s.call {
		return errors.New("-serve and -call exclude each other; leave both out to do both")
	}
	d, end, err := flags.Open(out)
	if err != nil {
		return err
	}
	defer end()
	return s.do(ctx, out, d)
}

// do serves, calls, or does both.
func (s settings) do(ctx context.Context, out io.Writer, d driver.Driver) error {
	if s.call {
		return call(ctx, out, d)
	}
	server, err := newServer(d, s.pause)
	if err != nil {
		return err
	}
	if s.serve {
		fmt.Fprintln(out, moneyBroker, "serves; Ctrl-C ends it")
		return server.Listen(ctx)
	}
	end, err := program.Serve(ctx, server)
	if err != nil {
		return err
	}
	return errors.Join(call(ctx, out, d), end())
}

func newServer(d driver.Driver, pause time.Duration) (*asynccalls.Service, error) {
	s, err := asynccalls.New(moneyBroker, d)
	if err != nil {
		return nil, err
	}
	s.Handle(showMoney, func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
		for i := range 4 {
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			resp := asynccalls.NewResponse(fmt.Appendf(nil, "Response %d for call: %s", i+1, r.ID))
			if err := w.Send(ctx, resp); err != nil {
				return err
			}
		}
		return nil
	})
	return s, nil
}

// call sends one request and prints the responses as they arrive.
func call(ctx context.Context, out io.Writer, d driver.Driver) error {
	client, err := asynccalls.New("a-money-client", d)
	if err != nil {
		return err
	}
	defer client.Close()
	req := asynccalls.NewRequest(moneyBroker, showMoney, nil)
	fmt.Fprintln(out, "sent", req.ID)
	start := time.Now()
	for resp, err := range client.Call(ctx, req).Responses() {
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "after %4.1fs: %s\n", time.Since(start).Seconds(), resp.Body)
	}
	fmt.Fprintf(out, "after %4.1fs: that was all\n", time.Since(start).Seconds())
	return nil
}

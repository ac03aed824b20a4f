package acurl

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/asynccalls/asynccalls"
)

// call is the command that sends a request.
type call struct {
	message

	connection      *connection
	id              string
	timeout         time.Duration
	one             bool
	count           int
	oneway, durable bool
	load            load
	output          output
}

func newCall(io *streams, c *connection) *cobra.Command {
	call := &call{message: message{io: io}, connection: c}
	cmd := &cobra.Command{
		Use:   "call SERVICE/ENDPOINT [ITEM …]",
		Short: "Send a request, and write its responses as they arrive",
		Long:  "Call sends a request, and writes its responses as they arrive.\n\n" + callHelp + "\n\n" + exitHelp,
		Example: `  acurl call a-money-broker/show-me-the-money -d '{"n":4}'
  acurl call a-money-broker/show-me-the-money n:=4 currency=EUR
  acurl call audit/events --oneway -k customer-7 -d @event.json
  jq .order order.json | acurl call orders/place -d @- --one
  acurl call orders/place -d @order.json -n 1000 --rate 50`,
		Args: targeted,
		RunE: call.run,
	}
	call.addFlags(cmd)
	return cmd
}

func (c *call) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	c.message.addFlags(f)
	f.StringVar(&c.id, "id", "", "the ID of the request; default: a new one")
	f.DurationVar(&c.timeout, "timeout", 30*time.Second, "how long to wait for all responses")
	f.BoolVar(&c.one, "one", false, "want exactly one response")
	f.IntVar(&c.count, "count", 0, "stop after `N` responses")
	f.BoolVar(&c.oneway, "oneway", false, "ask for no response")
	f.BoolVar(&c.durable, "durable", false, "send durably: request and responses survive what restarts")
	c.repeatFlags(f)
	c.output.addFlags(f)
	cmd.MarkFlagsMutuallyExclusive("repeat", "id")
	cmd.MarkFlagsMutuallyExclusive("repeat", "durable")
	cmd.MarkFlagsMutuallyExclusive("oneway", "durable")
	cmd.MarkFlagsMutuallyExclusive("oneway", "one")
	cmd.MarkFlagsMutuallyExclusive("one", "count")
}

func (c *call) run(cmd *cobra.Command, args []string) error {
	r, err := c.request(args)
	if err != nil {
		return err
	}
	r.ID = cmp.Or(c.id, r.ID)
	if c.count < 0 {
		return fmt.Errorf("--count %d is negative", c.count)
	}
	if err := c.checkRepeat(cmd); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), c.timeout)
	defer cancel()
	d, err := c.connection.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	s, err := c.connection.caller(d, c.timeout)
	if err != nil {
		return err
	}
	defer s.Close()
	if cmd.Flags().Changed("repeat") {
		return c.repeat(cmd.Context(), s, r)
	}
	return c.once(ctx, s, r, c.output.printer(c.io))
}

// once sends the request, and writes what comes of it.
func (c *call) once(ctx context.Context, s *asynccalls.Service, r *asynccalls.Request, p *printer) (err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	p.sending(r)
	switch {
	case c.oneway:
		err = s.Notify(ctx, r)
	case c.durable:
		err = c.send(ctx, s, r, p)
	default:
		err = c.call(ctx, s, r, p)
	}
	p.ended(err)
	return c.connection.failed(err, p.responses)
}

// call awaits the responses.
func (c *call) call(ctx context.Context, s *asynccalls.Service, r *asynccalls.Request, p *printer) error {
	if err := c.connection.admitted(ctx, s); err != nil {
		return err
	}
	for resp, err := range s.Call(ctx, r).Responses() {
		if err != nil {
			return err
		}
		if err := p.response(resp); err != nil {
			return err
		}
		if c.count > 0 && p.responses == c.count {
			return nil
		}
	}
	if c.one && p.responses != 1 {
		return fmt.Errorf("%w: got %d", asynccalls.ErrResponseCount, p.responses)
	}
	return nil
}

// send sends durably, and handles the responses.
func (c *call) send(ctx context.Context, s *asynccalls.Service, r *asynccalls.Request, p *printer) error {
	over := make(chan error, 1)
	s.HandleResponses(r.Service, "/{endpoint...}", func(_ context.Context, resp *asynccalls.Response) error {
		if resp.RequestID != r.ID {
			return nil // of an earlier command
		}
		if end, err := c.take(resp, p); end {
			select {
			case over <- err:
			default: // it is over
			}
		}
		return nil
	}, asynccalls.WithEnds(), asynccalls.Limits{Concurrency: 1})
	listening := make(chan error, 1)
	go func() { listening <- s.Listen(ctx) }() // Close ends it
	if err := s.Ready(ctx); err != nil {
		return err
	}
	if err := s.Send(ctx, r); err != nil {
		return err
	}
	select {
	case err := <-over:
		return err
	case err := <-listening:
		return errors.Join(err, ctx.Err())
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take takes a response in that was sent durably, and reports whether it is the last.
func (c *call) take(resp *asynccalls.Response, p *printer) (end bool, err error) {
	if err := resp.Err(); err != nil {
		return true, err
	}
	if !resp.End || len(resp.Body) > 0 {
		if err := p.response(resp); err != nil {
			return true, err
		}
	}
	return resp.End || c.count > 0 && p.responses == c.count, nil
}

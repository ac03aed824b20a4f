package acurl

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/asynccalls/asynccalls"
)

func (c *call) repeatFlags(f *pflag.FlagSet) {
	f.IntVarP(&c.load.total, "repeat", "n", 1, "send the request `N` times, each with an ID of its own")
	f.Float64Var(&c.load.rate, "rate", 0, "with --repeat: `N` requests per second at most")
	f.IntVar(&c.load.inFlight, "parallel", 1, "with --repeat: `N` calls at the same time")
}

// checkRepeat checks the flags of repetition.
func (c *call) checkRepeat(cmd *cobra.Command) error {
	f := cmd.Flags()
	if !f.Changed("repeat") && (f.Changed("rate") || f.Changed("parallel")) {
		return errors.New("--rate and --parallel are for many requests, and need --repeat")
	}
	if c.load.total == 0 {
		return errors.New("--repeat 0 sends nothing; want 1 or more")
	}
	return c.load.validate("repeat", "parallel")
}

// repeat sends the request many times, and sums up. It gives up when there is no point in
// going on, and fails as the first call that failed.
func (c *call) repeat(ctx context.Context, s *asynccalls.Service, r *asynccalls.Request) error {
	bar := c.bar(r)
	defer bar.close()
	io := &streams{c.io.in, bar.above(c.io.out), bar.above(c.io.err)}
	calling, giveUp := context.WithCancel(ctx)
	defer giveUp()
	var mu sync.Mutex // guards what follows
	var calls, failed int
	var first error
	begun := time.Now()
	c.load.run(calling, func(calling context.Context, _ time.Time) {
		p := c.output.printer(c.io)
		p.io = io
		err := c.once(calling, s, repeated(r), p)
		mu.Lock()
		defer mu.Unlock()
		if calling.Err() != nil { // nobody knows how it would have ended
			return
		}
		calls++
		bar.step()
		if err == nil {
			return
		}
		if failed++; first == nil {
			first = err
		}
		if !worthMore(err) {
			first = err
			giveUp()
		}
	})
	bar.close()
	fmt.Fprintf(c.io.err, "%d calls, %d failed, in %v\n", calls, failed, time.Since(begun).Round(time.Millisecond))
	if ctx.Err() != nil {
		return c.connection.failed(context.Cause(ctx), 0)
	}
	return first
}

// bar shows how many calls have ended, unless it would be in the middle of what they write.
func (c *call) bar(r *asynccalls.Request) *progress {
	if c.output.raw && isTerminal(c.io.out) {
		return &progress{}
	}
	return c.io.progress(r.Service+r.Endpoint, c.load.total)
}

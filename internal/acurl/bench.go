package acurl

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/asynccalls/asynccalls"
)

// How many calls are in flight at most, unless it is said.
const (
	closedInFlight = 64
	openInFlight   = 10_000 // with a rate: calls should not wait for each other
)

const benchHelp = `Bench calls an endpoint under load, and writes how long the calls took: to the first response, and
to the end. It keeps --in-flight calls going, the next when one has ended; or, with --rate, it
begins so many a second, whether others have ended or not, and counts the time of a call from when
it should have begun, so that a service that falls behind shows.

One call goes before all others; if it fails, there is no bench. Ctrl-C ends the bench early and
writes what was measured.`

// bench is the command that measures.
type bench struct {
	message

	connection *connection
	load       load
	timeout    time.Duration
	warmup     time.Duration
	keys       int
	json       bool

	service *asynccalls.Service // set by run
	sample  *asynccalls.Request // that is sent again and again; set by run
}

func newBench(io *streams, c *connection) *cobra.Command {
	b := &bench{message: message{io: io}, connection: c}
	cmd := &cobra.Command{
		Use:   "bench SERVICE/ENDPOINT [ITEM …]",
		Short: "Call an endpoint under load, and write how long it took",
		Long:  benchHelp + "\n\n" + callHelp + "\n\n" + exitHelp,
		Example: `  acurl bench orders/price n:=4
  acurl bench orders/price -d @order.json --rate 2000 --duration 1m
  acurl bench orders/place -d @order.json --requests 10000 --keys 100 --json`,
		Args: targeted,
		RunE: b.run,
	}
	f := cmd.Flags()
	f.SortFlags = false
	b.addFlags(f)
	f.IntVar(&b.keys, "keys", 0, "spread the requests over `N` keys")
	f.DurationVar(&b.timeout, "timeout", 30*time.Second, "how long each call may take")
	f.IntVar(&b.load.inFlight, "in-flight", closedInFlight,
		fmt.Sprintf("`N` calls at the same time; default with --rate: %d", openInFlight))
	f.Float64Var(&b.load.rate, "rate", 0, "begin `N` calls per second")
	f.DurationVar(&b.load.duration, "duration", 10*time.Second, "how long calls are begun")
	f.IntVar(&b.load.total, "requests", 0, "measure `N` calls, however long that takes")
	f.DurationVar(&b.warmup, "warmup", time.Second, "how long calls go before that are not measured")
	f.BoolVar(&b.json, "json", false, "write the result as JSON")
	cmd.MarkFlagsMutuallyExclusive("duration", "requests")
	cmd.MarkFlagsMutuallyExclusive("key", "keys")
	return cmd
}

// check checks the flags, and completes them.
func (b *bench) check(cmd *cobra.Command) error {
	f := cmd.Flags()
	if b.load.rate > 0 && !f.Changed("in-flight") {
		b.load.inFlight = openInFlight
	}
	if f.Changed("requests") {
		b.load.duration = 0
	}
	switch {
	case b.keys < 0:
		return fmt.Errorf("--keys %d must not be negative", b.keys)
	case b.warmup < 0:
		return fmt.Errorf("--warmup %v must not be negative", b.warmup)
	default:
		return b.load.validate("requests", "in-flight")
	}
}

func (b *bench) run(cmd *cobra.Command, args []string) error {
	if err := b.check(cmd); err != nil {
		return err
	}
	var err error
	if b.sample, err = b.request(args); err != nil {
		return err
	}
	d, err := b.connection.open(cmd.Context())
	if err != nil {
		return err
	}
	defer d.Close()
	if b.service, err = b.connection.caller(d, b.timeout); err != nil {
		return err
	}
	defer b.service.Close()
	if err := b.connection.admitted(cmd.Context(), b.service); err != nil {
		return b.connection.failed(err, 0)
	}
	if first := b.one(cmd.Context(), b.sample, time.Now()); first.err != nil {
		return b.connection.failed(first.err, 0)
	}
	return b.measure(cmd.Context())
}

// measure runs the load, and writes the result.
func (b *bench) measure(ctx context.Context) error {
	bar := b.bar()
	defer bar.close()
	if b.warmup > 0 {
		warmup := b.load
		warmup.total, warmup.duration = 0, b.warmup
		b.apply(ctx, warmup, newMeasurement(), &progress{})
	}
	m := newMeasurement()
	begun := time.Now()
	b.apply(ctx, b.load, m, bar)
	report := m.report(time.Since(begun))
	bar.close()
	interrupted := ctx.Err() != nil
	if interrupted && report.Calls == 0 {
		return b.connection.failed(context.Cause(ctx), 0)
	}
	report.Target, report.InFlight, report.Rate = b.name(), b.load.inFlight, b.load.rate
	report.Interrupted = interrupted
	if err := b.write(report); err != nil {
		return err
	}
	switch {
	case interrupted:
		return b.connection.failed(context.Cause(ctx), 0)
	case report.Failed > 0:
		return &failure{err: fmt.Errorf("%d of %d calls failed", report.Failed, report.Calls), code: exitPartial}
	default:
		return nil
	}
}

func (b *bench) name() string { return b.sample.Service + b.sample.Endpoint }

// apply runs a load.
func (b *bench) apply(ctx context.Context, l load, m *measurement, bar *progress) {
	var number atomic.Int64
	l.run(ctx, func(ctx context.Context, due time.Time) {
		r := repeated(b.sample)
		if b.keys > 0 {
			r.Key = strconv.FormatInt(number.Add(1)%int64(b.keys), 10)
		}
		c := b.one(ctx, r, due)
		if ctx.Err() == nil { // else nobody knows how it would have ended
			m.take(&c)
			if l.total > 0 {
				bar.step()
			}
		}
	})
}

// bar shows how many calls have ended, or how much of the time is over.
func (b *bench) bar() *progress {
	if b.load.total > 0 {
		return b.io.progress(b.name(), b.load.total)
	}
	return b.io.clock(b.name(), b.warmup+b.load.duration)
}

// one makes a call that was due at a time.
func (b *bench) one(ctx context.Context, r *asynccalls.Request, due time.Time) timed {
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	var t timed
	for _, err := range b.service.Call(ctx, r).Responses() {
		if err != nil {
			t.err = err
			return t
		}
		if t.responses++; t.responses == 1 {
			t.first = time.Since(due)
		}
	}
	t.end = time.Since(due)
	return t
}

// write writes the result.
func (b *bench) write(r *report) error {
	if b.json {
		encoder := json.NewEncoder(b.io.out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	}
	_, err := io.WriteString(b.io.out, r.text(widthOf(b.io.out)))
	return err
}

// Package program is what the examples have in common: how they begin and end, and
// which broker they use.
package program

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver/franz"
	"github.com/asynccalls/asynccalls/embedded"
)

// Main runs an example until it ends, or until Ctrl-C, which ends ctx. If it fails,
// that is the last line, and the exit status is not 0.
func Main(name string, run func(ctx context.Context, out io.Writer, args []string) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, name+":", err)
		os.Exit(1)
	}
}

// Flags is the command line of an example: -brokers, and what the example adds.
type Flags struct {
	*flag.FlagSet

	Brokers string
}

// NewFlags returns the flags of the example with this name.
func NewFlags(name string) *Flags {
	f := &Flags{FlagSet: flag.NewFlagSet(name, flag.ContinueOnError)}
	f.StringVar(&f.Brokers, "brokers", "", "the Kafka to use, as `HOST:PORT,…`; default: one inside this process")
	return f
}

// Parse reads the arguments; those that are no flags are an error.
func (f *Flags) Parse(args []string) error {
	if err := f.FlagSet.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	return nil
}

// Open connects to the Kafka that the flags name, or starts one inside this process.
// The caller calls end when its services have ended.
func (f *Flags) Open(out io.Writer) (d *franz.Driver, end func(), err error) {
	stop := func() error { return nil }
	if f.Brokers == "" {
		kafka, err := embedded.Start(embedded.Options{})
		if err != nil {
			return nil, nil, err
		}
		f.Brokers, stop = kafka.Addr(), kafka.Close
		fmt.Fprintln(out, "Kafka runs inside this process, at", f.Brokers)
	}
	d, err = franz.Open(f.Brokers)
	if err != nil {
		return nil, nil, errors.Join(err, stop())
	}
	return d, func() { d.Close(); stop() }, nil
}

// patience is how long an example waits for Kafka.
const patience = 15 * time.Second

// Serve has services listen, and returns when they all serve, or with an error if
// Kafka is not there. The function that it returns closes them.
func Serve(ctx context.Context, services ...*asynccalls.Service) (end func() error, err error) {
	end = func() error {
		var errs []error
		for _, s := range services {
			errs = append(errs, s.Close())
		}
		return errors.Join(errs...)
	}
	for _, s := range services {
		go s.Listen(context.WithoutCancel(ctx)) // until Close, which returns its error
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, s := range services {
		if err := s.Ready(ctx); err != nil {
			end() // says the same
			return nil, err
		}
	}
	return end, nil
}

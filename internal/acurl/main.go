package acurl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Main runs the command line of the process, and returns the exit code. It can call
// and serve by franz, and by other drivers.
func Main(others ...Driver) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, os.Args[1:], &streams{&keyboard{os.Stdin, ctx}, os.Stdout, os.Stderr}, others...)
}

// streams is where a command reads from and writes to.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// readAll reads what there is to read. If somebody has to type it, it says so.
func (s *streams) readAll() ([]byte, error) {
	if isTerminal(s.in) && isTerminal(s.err) {
		fmt.Fprintln(s.err, "The body is what you type now; Ctrl-D at the beginning of a line ends it.")
	}
	return io.ReadAll(s.in)
}

// run runs a command line, and returns the exit code.
func run(ctx context.Context, args []string, io *streams, others ...Driver) int {
	root := newRoot(io, others)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil || errors.Is(err, syscall.EPIPE) { // whoever read has had enough
		return exitOK
	}
	var f *failure
	if errors.Is(err, context.Canceled) && !errors.As(err, &f) { // while it read from stdin
		err = &failure{err: errors.New("interrupted"), code: exitInterrupted}
	}
	fmt.Fprintln(io.err, "acurl:", err)
	if errors.As(err, &f) {
		if f.hint != "" {
			fmt.Fprintln(io.err, f.hint)
		}
		return f.code
	}
	fmt.Fprintln(io.err, "acurl --help says how it is used.")
	return exitUsage
}

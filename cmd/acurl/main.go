// Acurl calls services on Kafka by hand, as curl does over HTTP.
//
// acurl --help says how.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], &streams{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// streams is where a command reads from and writes to.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// run runs a command line, and returns the exit code.
func run(ctx context.Context, args []string, io *streams) int {
	root := newRoot(io)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil || errors.Is(err, syscall.EPIPE) { // whoever read has had enough
		return exitOK
	}
	fmt.Fprintln(io.err, "acurl:", err)
	var f *failure
	if errors.As(err, &f) {
		if f.hint != "" {
			fmt.Fprintln(io.err, f.hint)
		}
		return f.code
	}
	fmt.Fprintln(io.err, "acurl --help says how it is used.")
	return exitUsage
}

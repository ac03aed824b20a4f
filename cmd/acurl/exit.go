package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/asynccalls/asynccalls"
)

// The exit codes. Where curl has one for the same, it is that.
const (
	exitOK          = 0
	exitOther       = 1
	exitUsage       = 2
	exitDiffers     = 3
	exitNoService   = 6
	exitConnect     = 7
	exitPartial     = 18 // some responses came, and then not all
	exitClientError = 22 // status 400 to 499
	exitInterrupted = 130
	exitTimeout     = 28
	exitServerError = 52 // status 500 to 599
)

const exitHelp = `Exit codes:
  0    all went well
  1    something else went wrong
  2    the command line is not right
  3    the topics of a service differ from what it needs (topics plan --check)
  6    there is no such service
  7    the broker cannot be reached
  18   some responses came, but not all
  22   the service answered with a status from 400 to 499
  28   no response came in time
  52   the service answered with a status from 500 to 599
  130  interrupted`

// failure is an error that has an exit code, and perhaps a hint what to do.
type failure struct {
	err  error
	code int
	hint string
}

func (f *failure) Error() string { return f.err.Error() }

func (f *failure) Unwrap() error { return f.err }

// failed says how a command failed that has got so many responses.
func (c *connection) failed(err error, responses int) error {
	var status *asynccalls.Error
	var network *net.OpError
	f := &failure{err: err, code: exitOther}
	switch {
	case err == nil:
		return nil
	case errors.As(err, &status) && responses > 0:
		f.code = exitPartial
	case errors.As(err, &status) && status.Status < 500:
		f.code = exitClientError
	case errors.As(err, &status) && status.Status != 504:
		f.code = exitServerError
	case errors.Is(err, asynccalls.ErrNoService):
		f.code = exitNoService
		f.hint = fmt.Sprintf("Is it running, and are %s and the prefix %q right?", c.brokers, c.prefix)
	case errors.As(err, &network):
		f.code = exitConnect
		f.hint = fmt.Sprintf("Is there a Kafka at %s? acurl broker starts one; --brokers or %s names another.",
			c.brokers, brokersVariable)
	case errors.Is(err, context.Canceled):
		f.err, f.code = errors.New("interrupted"), exitInterrupted
	case errors.Is(err, asynccalls.ErrResponseCount):
	case responses > 0:
		f.code = exitPartial
	case errors.Is(err, context.DeadlineExceeded) || status != nil:
		f.code = exitTimeout
		f.hint = "The request may wait for the service still; --timeout waits longer."
	}
	return f
}

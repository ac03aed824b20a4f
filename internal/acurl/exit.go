package acurl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
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
	exitDenied      = 9
	exitPartial     = 18 // some responses came, and then not all
	exitClientError = 22 // status 400 to 499
	exitInterrupted = 130
	exitTimeout     = 28
	exitTLS         = 35
	exitServerError = 52 // status 500 to 599
	exitCertificate = 60
	exitLogin       = 67
)

const exitHelp = `Exit codes:
  0    all went well
  1    something else went wrong
  2    the command line is not right
  3    the topics of a service differ from what it needs (topics plan --check)
  6    there is no such service
  7    the broker cannot be reached
  9    the broker does not allow it: an ACL is missing
  18   some responses came, but not all
  22   the service answered with a status from 400 to 499
  28   no response came in time
  35   the broker and acurl do not agree on TLS, or it refuses the client certificate
  52   the service answered with a status from 500 to 599
  60   the certificate of the broker is not valid
  67   the login was denied
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
	if err == nil {
		return nil
	}
	if known, ok := errors.AsType[*failure](err); ok {
		return known
	}
	if status, ok := errors.AsType[*asynccalls.Error](err); ok {
		return ofStatus(err, status.Status, responses)
	}
	d, denied := c.denialOf(err)
	_, unreachable := errors.AsType[*net.OpError](err)
	unreachable = unreachable || errors.Is(err, io.EOF)
	switch {
	case errors.Is(err, context.Canceled):
		return &failure{err: errors.New("interrupted"), code: exitInterrupted}
	case denied:
		return &failure{err, d.code, d.hint}
	case errors.Is(err, asynccalls.ErrNoService):
		return &failure{
			err, exitNoService,
			fmt.Sprintf("Is it running, and are %s and the prefix %q right?", c.brokers, c.prefix),
		}
	case unreachable:
		return &failure{err, exitConnect, fmt.Sprintf(
			"Is there a Kafka at %s? acurl broker starts one; --brokers or %s names another.",
			c.brokers, brokersVariable)}
	case errors.Is(err, asynccalls.ErrResponseCount):
		return &failure{err: err, code: exitOther}
	case responses > 0:
		return &failure{err: err, code: exitPartial}
	case errors.Is(err, context.DeadlineExceeded):
		return timedOut(err)
	default:
		return &failure{err: err, code: exitOther}
	}
}

// worthMore reports whether after a command that failed so another one like it may do
// better: it is not so if nobody reads what is written, or the service cannot be reached.
func worthMore(err error) bool {
	known, ok := errors.AsType[*failure](err)
	if _, unwritten := errors.AsType[*fs.PathError](err); !ok || unwritten {
		return false
	}
	switch known.code {
	case exitPartial, exitClientError, exitTimeout, exitServerError:
		return true
	default:
		return errors.Is(err, asynccalls.ErrResponseCount)
	}
}

// ofStatus says how a call failed that ended with a status.
func ofStatus(err error, status, responses int) error {
	switch {
	case responses > 0:
		return &failure{err: err, code: exitPartial}
	case status == 504:
		return timedOut(err)
	case status < 500:
		return &failure{err: err, code: exitClientError}
	default:
		return &failure{err: err, code: exitServerError}
	}
}

func timedOut(err error) error {
	return &failure{err, exitTimeout, "The request may wait for the service still; --timeout waits longer."}
}

//go:build unix

package prove

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
)

// complained is how a process exits that ended as it was told to, with an error. A
// panic is exit code 2.
const complained = 3

// partVariable holds what a process is to be that a test has started.
const partVariable = "PROVE_PART"

// An Opener connects to the broker at an address, or at several with commas between
// them, by the driver that is looked at.
type Opener func(address string, p Patience) (driver.Driver, error)

// Patience is how long a driver is to wait, so that faults are noticed soon.
type Patience struct {
	Session   time.Duration // after which a silent member is out of its group
	Rebalance time.Duration // for the members of a group to join again
	Request   time.Duration // for an answer of the broker; 0 for the default
}

// Main is the main function of all processes: it runs the tests, or plays the part
// that a test has started the process for.
func Main(m *testing.M, open Opener) {
	encoded := os.Getenv(partVariable)
	if encoded == "" {
		m.Run()
		return
	}
	if err := play(encoded, open); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(complained)
	}
}

// role is what a process does.
type role string

const (
	roleBroker role = "broker" // embedded, with a data directory
	roleServer role = "server" // handles requests
	roleSender role = "sender" // sends requests, and handles responses
	roleClient role = "client" // handles responses only
	roleCaller role = "caller" // makes awaited calls
)

// The services, by their IDs.
const (
	serverID = "server"
	clientID = "client"
)

// part is all that a process needs to know.
type part struct {
	open Opener

	Role     role
	Instance string // of this process alone
	Journal  string // the file in which it writes down what it sees
	Address  string // of the broker
	Seed     uint64

	Dir string // of the data of a broker

	Topics   asynccalls.Topics
	Patience Patience

	Exits  string // the request whose handler ends the process, the first time
	Exited string // the file that says that it has

	From, To int           // the numbers of the requests to send; To is 0 for no end
	Enough   string        // nothing more is sent once this file is there
	Batch    int           // how many are sent at once, about
	Pause    time.Duration // between two batches, about
}

// play is the main function of such a process. It ends in good order when its
// standard input does.
func play(encoded string, open Opener) error {
	p := part{open: open}
	if err := json.Unmarshal([]byte(encoded), &p); err != nil {
		return fmt.Errorf("%s: %w", partVariable, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	err := p.play(ctx)
	if err == nil || errors.Is(err, context.Canceled) { // then it was to end before it had begun
		return nil
	}
	return fmt.Errorf("%s: %w", p.Instance, err)
}

func (p *part) play(ctx context.Context) error {
	if p.Role == roleBroker {
		return p.serveKafka(ctx)
	}
	j, err := openJournal(p)
	if err != nil {
		return err
	}
	defer j.file.Close()
	switch p.Role {
	case roleServer:
		return p.serve(ctx, j)
	case roleSender, roleClient:
		return p.ask(ctx, j)
	case roleCaller:
		return p.call(ctx, j)
	default:
		return fmt.Errorf("there is no role %q", p.Role)
	}
}

// wait waits for d, and reports whether ctx did not end before.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

//go:build unix

package prove

import (
	"errors"
	"os/exec"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/internal/checker"
)

// exited is how a process exits whose handler calls os.Exit.
const exited = 7

// Exit has a handler call os.Exit. Nothing can be done about that: what was not
// committed is handled again when the service is started again, the request of that
// handler too.
func Exit(t *testing.T) {
	t.Helper()
	f := newFleet(t, time.Minute)
	f.embedded()
	server := f.add("server", part{Role: roleServer, Exits: "7", Exited: f.dir + "/exited"})
	f.add("client", part{Role: roleClient})
	f.mustBeReady()
	f.add("sender", part{Role: roleSender, To: 20, Batch: 10, Pause: time.Millisecond})
	select {
	case <-server.process.ended:
	case <-f.ctx.Done():
		t.Fatal("the process does not end")
	}
	if status, ok := errors.AsType[*exec.ExitError](server.process.outcome()); !ok || status.ExitCode() != exited {
		t.Errorf("the process ended with %v, want exit code %d", server.process.outcome(), exited)
	}
	f.history.Add(checker.Event{Kind: checker.Killed, Instance: server.instance})
	f.launch(server)
	f.settle()
	f.judge(checker.Options{})
}

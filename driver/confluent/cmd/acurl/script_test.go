package main

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/embedded"
	"github.com/rogpeppe/go-internal/testscript"
)

// actAs is the environment variable that makes the test binary acurl.
const actAs = "ACURL_TEST_ACTS"

func TestMain(m *testing.M) {
	if os.Getenv(actAs) != "" {
		main()
	}
	testscript.Main(m, map[string]func(){"acurl": main})
}

// TestScripts runs the terminal sessions of testdata on the embedded broker.
func TestScripts(t *testing.T) {
	t.Parallel()
	b, err := embedded.Start(embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("ASYNCCALLS_BROKERS", b.Addr())
			e.Setenv("ACURL_CONFIG", e.WorkDir+"/config.toml")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"until": until, "exits": exits},
	})
}

// until runs acurl until it writes a text: until TEXT ARGUMENTS.
func until(ts *testscript.TestScript, _ bool, args []string) {
	for begun := time.Now(); time.Since(begun) < time.Minute; {
		_ = ts.Exec("acurl", args[1:]...) // what it writes tells
		if strings.Contains(ts.ReadFile("stdout"), args[0]) {
			return
		}
	}
	ts.Fatalf("acurl has not written %q", args[0])
}

// exits runs acurl, which fails, and checks its exit code: exits CODE ARGUMENTS.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	exit, ok := errors.AsType[*exec.ExitError](ts.Exec("acurl", args[1:]...))
	if !ok || strconv.Itoa(exit.ExitCode()) != args[0] {
		ts.Fatalf("acurl exited with %v, want %s", exit, args[0])
	}
}

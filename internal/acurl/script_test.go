package acurl

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asyncapi"
	"github.com/asynccalls/asynccalls/driver/franz"
	"github.com/asynccalls/asynccalls/embedded"
)

// actAs is the environment variable that makes the test binary acurl.
const actAs = "ACURL_TEST_ACTS"

func TestMain(m *testing.M) {
	if os.Getenv(actAs) != "" {
		os.Exit(Main())
	}
	testscript.Main(m, map[string]func(){"acurl": func() { os.Exit(Main()) }, "documented": documented})
}

// documented is a service that has an AsyncAPI document: documented PREFIX.
func documented() {
	check := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	d, err := franz.Open(os.Getenv(brokersVariable))
	check(err)
	s, err := asynccalls.New("documented", d, asynccalls.Topics{Prefix: os.Args[1]})
	check(err)
	type price struct{ Cents int }
	asynccalls.HandleJSON(s, "/prices/{article}", func(context.Context, struct{}) (price, error) { return price{1}, nil })
	asyncapi.Handle(s, asyncapi.Info{Title: "Prices", Version: "7.0.0"})
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	check(errors.Join(s.Listen(ctx), d.Close()))
}

// TestScripts runs the terminal sessions of testdata, on the embedded broker and, where
// there is one, on Apache Kafka.
func TestScripts(t *testing.T) {
	t.Parallel()
	tiers := map[string]func(*testing.T) string{
		"embedded": func(t *testing.T) string {
			b, err := embedded.Start(embedded.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { b.Close() })
			return b.Addr()
		},
		"kafka": func(t *testing.T) string {
			addr := os.Getenv("ASYNCCALLS_KAFKA")
			if addr == "" {
				t.Skip("ASYNCCALLS_KAFKA names no broker")
			}
			return addr
		},
	}
	for name, start := range tiers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := start(t)
			testscript.Run(t, testscript.Params{
				Dir: "testdata/script",
				Setup: func(e *testscript.Env) error {
					e.Setenv(brokersVariable, addr)
					e.Setenv("FRESH", "fresh-"+rand.Text())
					return nil
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"served": served, "joined": joined, "lettered": lettered, "exits": exits, "conforms": conforms,
				},
			})
		})
	}
}

// served waits until a service that was started in the background answers, also with an
// error: served SERVICE/ENDPOINT [FLAG …].
func served(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: served SERVICE/ENDPOINT [FLAG …]")
	}
	for begun := time.Now(); time.Since(begun) < time.Minute; {
		if code := acurl(ts, append([]string{"call", "--timeout", "30s"}, args...)...); code != exitNoService && code != exitConnect {
			return
		}
	}
	ts.Fatalf("%s is not served", args[0])
}

// joined waits until so many instances of a service answer, of as many: joined N SERVICE
// [FLAG …].
func joined(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: joined N SERVICE [FLAG …]")
	}
	for begun := time.Now(); time.Since(begun) < time.Minute; {
		ts.Check(ts.Exec("acurl", append([]string{"describe"}, args[1:]...)...))
		if strings.Contains(ts.ReadFile("stdout"), fmt.Sprintf(": %s instances, of which %[1]s answered\n", args[0])) {
			return
		}
	}
	ts.Fatalf("%s has not %s instances", args[1], args[0])
}

// lettered waits until a service has so many dead letters: lettered N SERVICE [FLAG …].
func lettered(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: lettered N SERVICE [FLAG …]")
	}
	for begun := time.Now(); time.Since(begun) < time.Minute; {
		ts.Check(ts.Exec("acurl", append([]string{"dead", "ls", "--jsonl"}, args[1:]...)...))
		if fmt.Sprint(strings.Count(ts.ReadFile("stdout"), "\n")) == args[0] {
			return
		}
	}
	ts.Fatalf("%s has not %s dead letters", args[1], args[0])
}

// acurl runs it, and returns the exit code.
func acurl(ts *testscript.TestScript, args ...string) int {
	err := ts.Exec("acurl", args...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	ts.Check(err)
	return exitOK
}

// conforms validates a file by the JSON Schema of AsyncAPI, if the environment names that:
// conforms FILE.
func conforms(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: conforms FILE")
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(ts.ReadFile(args[0])))
	ts.Check(err)
	if file := os.Getenv("ASYNCCALLS_ASYNCAPI"); file != "" {
		schema, err := jsonschema.NewCompiler().Compile(file)
		ts.Check(err)
		ts.Check(schema.Validate(doc))
		ts.Logf("%s conforms to AsyncAPI", args[0])
	}
}

// exits runs acurl and checks its exit code: exits CODE ARGUMENTS.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: exits CODE ARGUMENTS")
	}
	if code := strconv.Itoa(acurl(ts, args[1:]...)); code != args[0] {
		ts.Fatalf("acurl exited with %s, want %s", code, args[0])
	}
}

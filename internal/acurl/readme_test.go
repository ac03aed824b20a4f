package acurl

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/embedded"
)

// TestReadme runs the terminal session of the README: each line after the one before
// has said that it is ready.
func TestReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	session := regexp.MustCompile(`(?m)(^\tacurl .*\n)+`).FindString(string(readme))
	lines := strings.Split(strings.TrimSpace(session), "\n")
	if len(lines) < 3 {
		t.Fatalf("the README has %d lines with acurl in a row, want 3 or more", len(lines))
	}
	env := shell(t)
	last := len(lines) - 1
	for _, line := range lines[:last] {
		background, ok := strings.CutSuffix(strings.TrimSpace(line), "&")
		if !ok {
			t.Fatalf("line %q does not run in the background", line)
		}
		start(t, "exec "+background, env)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", lines[last])
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", lines[last], err, out)
	}
	if got := strings.Count(string(out), "< 200  response"); got != 3 {
		t.Errorf("%s has printed %d responses, want 3:\n%s", lines[last], got, out)
	}
}

// TestBrokerKeepsData ends a broker and starts it again.
func TestBrokerKeepsData(t *testing.T) {
	t.Parallel()
	env, data := shell(t), t.TempDir()
	line := "exec acurl broker --data '" + data + "'"
	stopBroker := start(t, line, env)
	start(t, "exec acurl serve kept/hello", env)()
	stopBroker()
	start(t, line, env)
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "acurl ls")
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "\nkept  ") {
		t.Errorf("ls: error %v, want the service of before in:\n%s", err, out)
	}
}

// shell returns the environment of a shell that knows acurl, with an address that is
// free for a broker.
func shell(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Symlink(executable(t), filepath.Join(dir, "acurl")); err != nil {
		t.Fatal(err)
	}
	return append(os.Environ(), actAs+"=1", brokersVariable+"="+freeAddress(t), "PATH="+dir+":"+os.Getenv("PATH"))
}

// start runs a line of a shell until stop or the end of the test, and returns when
// it says that it is ready.
func start(t *testing.T, line string, env []string) (stop func()) {
	t.Helper()
	cmd := exec.Command("sh", "-c", line)
	cmd.Env = env
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	})
	t.Cleanup(stop)
	late := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	words := bufio.NewReader(said)
	for {
		s, err := words.ReadString('\n')
		if err != nil {
			t.Fatalf("%s: ended without being ready: %v, %q", line, err, s)
		}
		if strings.Contains(s, "Ctrl-C ends it.") {
			go io.Copy(io.Discard, words) // until its end, so that it never waits for a reader
			return stop
		}
	}
}

func executable(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// freeAddress returns the address of a broker that has just ended.
func freeAddress(t *testing.T) string {
	t.Helper()
	b, err := embedded.Start(embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	return b.Addr()
}

// TestReadmeCommands has all commands of the README exist, with these flags.
func TestReadmeCommands(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile("`acurl ([^`]+)`").FindAllSubmatch(readme, -1)
	if len(lines) < 10 {
		t.Fatalf("the README has %d commands, want 10 or more", len(lines))
	}
	for _, line := range lines {
		words := strings.Fields(string(line[1]))
		root := newRoot(&streams{strings.NewReader(""), io.Discard, io.Discard}, nil)
		root.InitDefaultCompletionCmd()
		root.InitDefaultHelpFlag()
		cmd, rest, err := root.Find(words)
		if err == nil {
			err = cmd.ParseFlags(rest)
		}
		if err == nil && !strings.HasPrefix(words[0], "--") {
			err = cmd.ValidateArgs(cmd.Flags().Args())
		}
		if err == nil && cmd == root && !strings.HasPrefix(words[0], "--") && !strings.Contains(words[0], "/") {
			err = errors.New("there is no such command")
		}
		if err != nil {
			t.Errorf("acurl %s: %v", line[1], err)
		}
	}
}

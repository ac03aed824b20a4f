package acurl

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// session is a command that runs in a terminal.
type session struct {
	*testing.T

	cmd     *exec.Cmd
	tty     *os.File
	written strings.Builder
	read    chan []byte // what the command writes; closed at its end
}

// inTerminal starts a line of a shell in a terminal of so many columns.
func inTerminal(t *testing.T, env []string, columns uint16, line string) *session {
	t.Helper()
	cmd := exec.Command("sh", "-c", "exec "+line)
	cmd.Env = append(env, "TERM=xterm")
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: columns})
	if err != nil {
		t.Fatal(err)
	}
	s := &session{T: t, cmd: cmd, tty: tty, read: make(chan []byte)}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = tty.Close()
		for range s.read { // until it is closed
		}
	})
	go func() { // until the command has ended, or tty is closed
		defer close(s.read)
		for {
			buffer := make([]byte, 4096)
			n, err := tty.Read(buffer)
			if err != nil {
				return
			}
			s.read <- buffer[:n]
		}
	}()
	return s
}

// await waits until the command has written a text.
func (s *session) await(text string) {
	s.Helper()
	late := time.After(time.Minute)
	for !strings.Contains(s.written.String(), text) {
		select {
		case data, ok := <-s.read:
			if !ok {
				s.Fatalf("ended without writing %q: %q", text, s.written.String())
			}
			s.written.Write(data)
		case <-late:
			s.Fatalf("has not written %q: %q", text, s.written.String())
		}
	}
}

// enter types a text.
func (s *session) enter(text string) {
	s.Helper()
	if _, err := io.WriteString(s.tty, text); err != nil {
		s.Fatal(err)
	}
}

// ends waits for the end, checks the exit code, and returns all that was written.
func (s *session) ends(code int) string {
	s.Helper()
	late := time.AfterFunc(time.Minute, func() { _ = s.cmd.Process.Kill() })
	defer late.Stop()
	for data := range s.read {
		s.written.Write(data)
	}
	_ = s.cmd.Wait() // the code tells
	if got := s.cmd.ProcessState.ExitCode(); got != code {
		s.Errorf("exit code %d, want %d: %q", got, code, s.written.String())
	}
	for _, word := range []string{"panic", "goroutine "} {
		if strings.Contains(s.written.String(), word) {
			s.Errorf("wrote a stack: %q", s.written.String())
		}
	}
	return s.written.String()
}

const interrupt = "\x03" // Ctrl-C

// TestTerminal uses acurl in a terminal.
func TestTerminal(t *testing.T) {
	t.Parallel()
	env := slices.Clip(append(shell(t), "ACURL_CONFIG="+filepath.Join(t.TempDir(), "config.toml")))
	start(t, "exec acurl broker", env)
	start(t, "exec acurl serve echo/hello", env)
	start(t, "exec acurl serve slow/nap --exec 'sleep 0.02; echo up'", env)

	t.Run("colors", func(t *testing.T) {
		t.Parallel()
		if got := inTerminal(t, env, 80, `acurl echo/hello n:=1`).ends(exitOK); !strings.Contains(got, "\x1b[") || !strings.Contains(got, "\r\n") {
			t.Errorf("wrote %q, want it colored, in more than a line", got)
		}
		if got := inTerminal(t, append(env, "NO_COLOR=1"), 80, `acurl echo/hello n:=1`).ends(exitOK); got != "{\r\n  \"n\": 1\r\n}\r\n" {
			t.Errorf("with NO_COLOR wrote %q", got)
		}
		if got := inTerminal(t, env, 80, `acurl echo/hello n:=1 -n 3 --raw`).ends(exitOK); !strings.HasPrefix(got, `{"n":1}{"n":1}{"n":1}3 calls, `) {
			t.Errorf("with --raw wrote %q", got)
		}
		if got := inTerminal(t, env, 80, `acurl echo/hello n:=1 --raw`).ends(exitOK); got != `{"n":1}` {
			t.Errorf("with --raw wrote %q", got)
		}
	})
	for name, columns := range map[string]uint16{"wide": 120, "narrow": 40} {
		escapes := regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")
		t.Run("progress in a "+name+" window", func(t *testing.T) {
			t.Parallel()
			got := inTerminal(t, env, columns, `acurl slow/nap -n 30`).ends(exitOK)
			bars := 0
			for _, line := range strings.FieldsFunc(got, func(r rune) bool { return r == '\r' || r == '\n' }) {
				line = strings.TrimRight(escapes.ReplaceAllString(line, ""), " ")
				if strings.Contains(line, "%") {
					bars++
				}
				if n := len([]rune(line)); n > int(columns) {
					t.Errorf("a line has %d columns: %q", n, line)
				}
			}
			if bars < 3 || strings.Count(got, "up\r\n") != 30 {
				t.Errorf("%d bars, want 3 or more, and 30 responses: %q", bars, got)
			}
			if i := strings.LastIndex(got, "\x1b[2K\r"); i < 0 || !strings.HasPrefix(got[i:], "\x1b[2K\r30 calls, 0 failed, in ") {
				t.Errorf("wrote %q, want the bar removed at the end", got)
			}
		})
	}
	t.Run("interrupted bench", func(t *testing.T) {
		t.Parallel()
		s := inTerminal(t, env, 80, `acurl bench slow/nap --duration 1h --warmup 0s`)
		s.await("%")
		s.enter(interrupt)
		if got := s.ends(exitInterrupted); !strings.Contains(got, "acurl: interrupted\r\n") {
			t.Errorf("wrote %q", got)
		}
	})
	t.Run("interrupted call", func(t *testing.T) {
		t.Parallel()
		s := inTerminal(t, env, 80, `acurl slow/nap -n 1000000`)
		s.await("up\r\n")
		s.enter(interrupt)
		if got := s.ends(exitInterrupted); !strings.Contains(got, " calls, 0 failed, in ") {
			t.Errorf("wrote %q, want how many calls there were", got)
		}
	})
	t.Run("interrupted while it reads", func(t *testing.T) {
		t.Parallel()
		s := inTerminal(t, env, 80, `acurl echo/hello -d @-`)
		s.await("Ctrl-D")
		s.enter(interrupt)
		// The terminal may echo the key, as ^C, before or after.
		if got := s.ends(exitInterrupted); !strings.Contains(got, "acurl: interrupted\r\n") {
			t.Errorf("wrote %q", got)
		}
	})
	t.Run("question", func(t *testing.T) {
		t.Parallel()
		for _, answer := range []string{"n\r", "\r", interrupt} {
			s := inTerminal(t, env, 80, `acurl topics apply nobody`)
			s.await("changes? [y/N] ")
			s.enter(answer)
			code := exitOK
			if answer == interrupt {
				code = exitInterrupted
			}
			s.ends(code)
		}
		s := inTerminal(t, env, 80, `acurl topics apply somebody`)
		s.await("changes? [y/N] ")
		s.enter("y\r")
		s.ends(exitOK)
		ls := inTerminal(t, env, 80, `acurl ls`).ends(exitOK)
		if strings.Contains(ls, "nobody") || !strings.Contains(ls, "somebody") {
			t.Errorf("topics were made of:\n%s", ls)
		}
	})
	t.Run("password", func(t *testing.T) {
		t.Parallel()
		add := `acurl context add prod -b broker:9092 --sasl plain --user me`
		s := inTerminal(t, env, 80, add)
		s.await("Password or token: ")
		s.enter(interrupt)
		s.ends(exitInterrupted)
		s = inTerminal(t, env, 80, add)
		s.await("Password or token: ")
		s.enter("canary\r")
		if got := s.ends(exitOK); strings.Contains(got, "canary") {
			t.Errorf("showed the password: %q", got)
		}
		if got := inTerminal(t, env, 80, `acurl context ls`).ends(exitOK); !strings.Contains(got, "prod") || strings.Contains(got, "canary") {
			t.Errorf("contexts are\n%s", got)
		}
	})
	t.Run("pipe that closes early", func(t *testing.T) {
		t.Parallel()
		got := inTerminal(t, env, 80, `sh -c 'acurl echo/hello -n 1000000 -d x | head -1'`).ends(exitOK)
		if strings.Count(got, "x\r\n") != 1 {
			t.Errorf("wrote %q, want one response", got)
		}
	})
}

//go:build unix

package prove

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// stopLimit bounds how long a process may take to end in good order.
const stopLimit = 30 * time.Second

// process is one that a test has started. It ends when its standard input does,
// so also if the test dies.
type process struct {
	part    part
	command *exec.Cmd
	in      io.Closer
	log     string        // what it wrote to standard error
	ended   chan struct{} // closed when it has ended
	err     error         // how; set before ended is closed
}

// startProcess starts a process that keeps its files in dir.
func startProcess(p part, dir string) (*process, error) {
	p.Journal = filepath.Join(dir, p.Instance+".json")
	encoded, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	executable, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &process{part: p, log: filepath.Join(dir, p.Instance+".log"), ended: make(chan struct{})}
	log, err := os.Create(s.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s.command = exec.Command(executable)
	s.command.Env = append(os.Environ(), partVariable+"="+string(encoded))
	s.command.Stderr = log
	if s.in, err = s.command.StdinPipe(); err != nil {
		return nil, err
	}
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	go func() { // ends with the process
		s.err = s.command.Wait()
		close(s.ended)
	}()
	return s, nil
}

// kill ends the process without a word.
func (s *process) kill() { s.signal(syscall.SIGKILL); <-s.ended }

// halt stops the process, resume lets it go on.
func (s *process) halt() { s.signal(syscall.SIGSTOP) }

func (s *process) resume() { s.signal(syscall.SIGCONT) }

func (s *process) signal(sig os.Signal) { _ = s.command.Process.Signal(sig) }

// stop has the process end in good order. After a while it kills it.
func (s *process) stop() error {
	_ = s.in.Close()
	late := time.NewTimer(stopLimit)
	defer late.Stop()
	select {
	case <-s.ended:
	case <-late.C:
		s.kill()
		return fmt.Errorf("%s did not end within %v", s.part.Instance, stopLimit)
	}
	return s.outcome()
}

// outcome returns how the process has ended, with its last words.
func (s *process) outcome() error {
	if s.err == nil {
		return nil
	}
	log, err := os.ReadFile(s.log)
	const most = 2000
	return errors.Join(fmt.Errorf("%s ended: %w\n%s", s.part.Instance, s.err, log[max(0, len(log)-most):]), err)
}

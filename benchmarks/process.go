package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// stopLimit bounds how long a process may take to end once it was told to.
const stopLimit = 30 * time.Second

// process is a process that this program has started from its own executable.
// It ends when its standard input does, so also if this one dies.
type process struct {
	name    string
	command *exec.Cmd
	in      io.WriteCloser
	orders  *json.Encoder
	reports *json.Decoder
	cancel  context.CancelFunc // kills it
}

// start starts a process and waits until it reports that it is ready. The end of
// ctx kills it.
func start(ctx context.Context, s *setup, stderr io.Writer) (*process, *report, error) {
	p := &process{name: s.Side + " " + string(s.Role)}
	encoded, err := json.Marshal(s)
	if err != nil {
		return nil, nil, err
	}
	executable, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	ctx, p.cancel = context.WithCancel(ctx)
	p.command = exec.CommandContext(ctx, executable)
	p.command.Env = append(os.Environ(), setupVariable+"="+string(encoded))
	p.command.Stderr = stderr
	p.command.WaitDelay = time.Second
	out, err := p.command.StdoutPipe()
	if err == nil {
		p.in, err = p.command.StdinPipe()
	}
	if err == nil {
		err = p.command.Start()
	}
	if err != nil {
		p.cancel()
		return nil, nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	p.orders, p.reports = json.NewEncoder(p.in), json.NewDecoder(out)
	r, err := p.report()
	if err != nil {
		return nil, nil, errors.Join(err, p.stop())
	}
	return p, r, nil
}

// do gives an order and waits for the report.
func (p *process) do(o order) (*report, error) {
	if err := p.orders.Encode(o); err != nil {
		return nil, fmt.Errorf("%s: order: %w", p.name, err)
	}
	return p.report()
}

func (p *process) report() (*report, error) {
	var r report
	if err := p.reports.Decode(&r); err != nil {
		return nil, fmt.Errorf("%s ended: %w", p.name, err)
	}
	if r.Error != "" {
		return nil, fmt.Errorf("%s: %s", p.name, r.Error)
	}
	return &r, nil
}

// stop has the process end and waits for that. After a while it kills it.
func (p *process) stop() error {
	defer p.cancel()
	kill := time.AfterFunc(stopLimit, p.cancel)
	defer kill.Stop()
	err := p.in.Close()
	if waitErr := p.command.Wait(); waitErr != nil {
		err = fmt.Errorf("%s: %w", p.name, waitErr)
	}
	return err
}

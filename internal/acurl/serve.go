package acurl

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/asynccalls/asynccalls"
)

// serve is the command that serves an endpoint.
type serve struct {
	io         *streams
	connection *connection

	body, file, command string
	quiet               bool

	mu sync.Mutex // guards io.err
}

func newServe(io *streams, c *connection) *cobra.Command {
	s := &serve{io: io, connection: c}
	cmd := &cobra.Command{
		Use:   "serve SERVICE/ENDPOINT",
		Short: "Serve an endpoint, for demonstrations and instead of a real service",
		Long: `Serve serves an endpoint until it is interrupted. The response is the body of the
request, unless a flag says otherwise. ENDPOINT may have wildcards, such as orders/{id}.

A command of --exec runs once for each request, by sh: it gets the body as its input, and
each line that it writes is a response, sent at once. If it fails, the call ends with
status 500 and the last line that it wrote to stderr.`,
		Example: `  acurl serve echo/hello
  acurl serve prices/today --file prices.json
  acurl serve clock/ticks --exec 'for i in 1 2 3; do date; sleep 1; done'`,
		Args: cobra.ExactArgs(1),
		RunE: s.run,
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&s.body, "body", "", "respond with `BODY`")
	f.StringVar(&s.file, "file", "", "respond with what is in `FILE` then")
	f.StringVar(&s.command, "exec", "", "respond with the lines that `COMMAND` writes")
	f.BoolVarP(&s.quiet, "quiet", "q", false, "do not write a line for each request")
	cmd.MarkFlagsMutuallyExclusive("body", "file", "exec")
	return cmd
}

func (s *serve) run(cmd *cobra.Command, args []string) (err error) {
	id, endpoint, err := target(args[0])
	if err != nil {
		return err
	}
	d, err := s.connection.open(cmd.Context())
	if err != nil {
		return err
	}
	defer d.Close()
	logger := slog.New(slog.NewTextHandler(s.io.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	service, err := s.connection.service(id, d, asynccalls.WithLogger(logger))
	if err != nil {
		return err
	}
	if err := register(service, endpoint, s.handle); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	listening := make(chan error, 1)
	go func() { listening <- service.Listen(ctx) }()
	if err := service.Ready(ctx); err != nil {
		cancel()
		return s.connection.failed(errors.Join(err, <-listening), 0)
	}
	s.log("%s%s is served at %s. Ctrl-C ends it.", id, endpoint, s.connection.brokers)
	return s.connection.failed(<-listening, 0)
}

// register turns the panic over a pattern that is not valid into an error.
func register(s *asynccalls.Service, pattern string, h asynccalls.Handler) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	s.Handle(pattern, h)
	return nil
}

func (s *serve) log(format string, args ...any) {
	if s.quiet {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.io.err, format+"\n", args...)
}

func (s *serve) handle(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
	s.log("%s %s from %s, %d bytes", r.Endpoint, r.ID, r.From, len(r.Body))
	body := r.Body
	switch {
	case s.command != "":
		return s.execute(ctx, w, r)
	case s.body != "":
		body = []byte(s.body)
	case s.file != "":
		var err error
		if body, err = os.ReadFile(s.file); err != nil {
			return asynccalls.Permanent(err)
		}
	}
	resp := asynccalls.NewResponse(body)
	resp.End = true
	return w.Send(ctx, resp)
}

// execute runs the command, and sends its lines.
func (s *serve) execute(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
	cmd := exec.CommandContext(ctx, "sh", "-c", s.command)
	cmd.Stdin = bytes.NewReader(r.Body)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return asynccalls.Permanent(err)
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	var sending error
	for sending == nil && lines.Scan() {
		sending = w.Send(ctx, asynccalls.NewResponse(bytes.Clone(lines.Bytes())))
	}
	if lines.Err() != nil || sending != nil {
		cmd.Process.Kill()
	}
	if err := errors.Join(sending, lines.Err(), cmd.Wait()); err != nil {
		all := strings.Split(strings.TrimSpace(complaint.String()), "\n")
		s.log("%s: %v: %s", r.ID, err, all[len(all)-1])
		return &asynccalls.Error{Status: 500, Message: fmt.Sprintf("%v: %s", err, all[len(all)-1])}
	}
	return nil
}

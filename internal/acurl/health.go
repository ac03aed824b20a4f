package acurl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// defaultHealth is what is asked if nothing else is said.
const defaultHealth = "http://127.0.0.1:8080/readyz"

// newHealth returns the command that asks a process for its health over HTTP.
func newHealth(io *streams) *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "health [URL]",
		Short: "Ask a process how it is, over HTTP, as a probe does",
		Long: `Health asks a process how it is at an URL that package health of asynccalls serves: /livez,
/readyz or /startupz. It writes what the process says, exits with 0 if all is well and with 1 if
not, and so makes an exec probe where the orchestrator cannot ask over HTTP itself. The default is
` + defaultHealth + `; parts of it can be left out.`,
		Example: `  acurl health
  acurl health localhost:9000/livez
  acurl health '/readyz?verbose'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			target, err := healthURL(strings.Join(args, ""))
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			return askHealth(ctx, io.out, target)
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 5*time.Second, "how long to wait for the answer")
	return cmd
}

// healthURL completes an URL of which parts may be missing.
func healthURL(text string) (string, error) {
	preset, err := url.Parse(defaultHealth)
	if err != nil {
		return "", err
	}
	if text != "" && !strings.HasPrefix(text, "/") && !strings.Contains(text, "://") {
		text = "//" + text
	}
	u, err := preset.Parse(text)
	if err != nil {
		return "", err
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", fmt.Errorf("%q is not an URL such as %s", text, defaultHealth)
	}
	if u.Path == "" {
		u.Path = preset.Path
	}
	return u.String(), nil
}

// askHealth writes the answer to out.
func askHealth(ctx context.Context, out io.Writer, target string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	switch {
	case errors.Is(err, context.Canceled):
		return &failure{err: errors.New("interrupted"), code: exitInterrupted}
	case errors.Is(err, context.DeadlineExceeded):
		return &failure{err: err, code: exitTimeout}
	case err != nil:
		return &failure{err, exitConnect, "Does the process serve package health there?"}
	}
	defer response.Body.Close()
	const most = 1 << 20
	body, err := io.ReadAll(io.LimitReader(response.Body, most))
	if err != nil {
		return &failure{err: err, code: exitOther}
	}
	if _, err := fmt.Fprintf(out, "%s\n", bytes.TrimSpace(body)); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return &failure{err: fmt.Errorf("%s answers with status %s", target, response.Status), code: exitOther}
	}
	return nil
}

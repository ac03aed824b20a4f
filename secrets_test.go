package asynccalls_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
)

// TestSecrets has a secret wherever users may put one, and everything go wrong: no log
// and no error has it (5.3). Logs say which request is meant, and which trace.
func TestSecrets(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		const secret, trace = "hunter2", "0af7651916cd43dd8448eb211c80319c"
		var j journal
		logger := asynccalls.WithLogger(slog.New(slog.NewTextHandler(&j, &slog.HandlerOptions{Level: slog.LevelDebug})))
		s := newService(t, "server", d, logger, asynccalls.Retry{Attempts: 2, Awaited: true})
		secretly := func() *asynccalls.Response {
			r := asynccalls.NewResponse([]byte(secret))
			r.Header.Add("password", secret)
			return r
		}
		s.Handle("/fails", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
			return errors.Join(w.Send(ctx, secretly()), errors.New("broken"))
		})
		s.Handle("/panics", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
			var none []int
			_ = none[17]
			return nil
		})
		s.Handle("/stuck", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
			pass(3 * time.Minute)
			return nil
		})
		s.Handle("/lost", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
			for range 3 {
				if err := w.Send(ctx, secretly()); err != nil {
					return err
				}
			}
			return w.Send(ctx, nil)
		})
		asynccalls.HandleJSON(s, "/json", func(context.Context, int) (int, error) { return 0, nil })
		listen(t, s)
		client := newService(t, "client", d, logger, asynccalls.Limits{CallBytes: 300}, asynccalls.Retry{Attempts: 2})
		endpoints := []string{"/fails", "/panics", "/stuck", "/lost", "/json", "/unknown"}
		for _, endpoint := range endpoints {
			client.HandleResponses("server", endpoint, func(context.Context, *asynccalls.Response) error {
				return errors.New("broken as well")
			})
		}
		listen(t, client)
		for _, endpoint := range endpoints {
			for _, traceparent := range []string{
				"00-" + trace + "-b7ad6b7169203331-01", "00-" + secret, "00-" + strings.Repeat("hunter2/", 4) + "-b7ad6b7169203331-01",
			} {
				for _, mode := range []string{"awaited", "durable", "one-way"} {
					r := asynccalls.NewRequest("server", endpoint, []byte(secret))
					r.Header.Add("password", secret)
					r.Header.Add("traceparent", traceparent)
					if end := sendAs(t, client, mode, r); strings.Contains(end, secret) && !strings.HasPrefix(end, "[") {
						t.Errorf("%s %s ended with %s", mode, endpoint, end)
					}
				}
			}
		}
		elapse(10 * time.Minute)
		if j.count(secret) > 0 {
			t.Errorf("%d lines of the log have the secret", j.count(secret))
		}
		for _, line := range [][]string{
			{"message failed", "request=", "trace_id=" + trace},
			{"handler panicked", "request=", "trace_id=" + trace},
			{"message failed", "unknown endpoint"},
			{"message failed", "broken as well", "service=client", "request="},
			{"handler is stuck", "service=server"},
		} {
			if j.count(line...) == 0 {
				t.Errorf("no line of the log has %q", line)
			}
		}
	})
}

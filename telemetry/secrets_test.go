package telemetry_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"

	"github.com/asynccalls/asynccalls/telemetry"
)

// TestSecrets has a secret wherever users may put one, and things go well and wrong: no
// span and no metric has it (5.3).
func TestSecrets(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	world(t, func(t *testing.T, d driver.Driver, spans *recorder) {
		p := newProcess(t)
		instrument := func(s *asynccalls.Service) {
			_, err := telemetry.Instrument(s, telemetry.WithTracerProvider(spans.provider), telemetry.WithMeterProvider(p.provider))
			if err != nil {
				t.Fatal(err)
			}
		}
		secretly := func() *asynccalls.Response {
			r := asynccalls.NewResponse([]byte(secret))
			r.Header.Add("password", secret)
			return r
		}
		server := newService(t, "money", d, asynccalls.Retry{Attempts: 2, Awaited: true})
		instrument(server)
		server.Handle("/answers", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
			return w.Send(ctx, secretly())
		})
		server.Handle("/fails", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
			if err := w.Send(ctx, secretly()); err != nil {
				return err
			}
			return &asynccalls.Error{Status: 503, Message: "broken"}
		})
		asynccalls.HandleJSON(server, "/json", func(context.Context, int) (int, error) { return 0, nil })
		listen(t, server)
		client := newService(t, "client", d, asynccalls.Limits{CallBytes: 10})
		instrument(client)
		client.HandleResponses("money", "/{path...}", func(context.Context, *asynccalls.Response) error { return nil })
		listen(t, client)
		for _, endpoint := range []string{"/answers", "/fails", "/json", "/unknown"} {
			request := func() *asynccalls.Request {
				r := asynccalls.NewRequest("money", endpoint, []byte(secret))
				r.Key = secret
				for _, key := range []string{"password", "traceparent", "tracestate", "baggage"} {
					r.Header.Add(key, secret)
				}
				return r
			}
			_, err := client.CallOne(t.Context(), request()) // most fail
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the call ended with %v", err)
			}
			for _, send := range []func(context.Context, ...*asynccalls.Request) error{client.Send, client.Notify} {
				if err := send(t.Context(), request()); err != nil {
					t.Fatal(err)
				}
			}
			bad := request()
			bad.Header = append(bad.Header, asynccalls.Field{Value: secret})
			if err := client.Notify(t.Context(), bad); err == nil || strings.Contains(err.Error(), secret) {
				t.Errorf("sent a header without a key, and got %v", err)
			}
		}
		elapse(0)
		synctest.Wait()
		exported := spans.exporter.GetSpans()
		text, err := json.Marshal(exported.Snapshots())
		if err != nil {
			t.Fatal(err)
		}
		for what, all := range map[string]string{"spans": string(text) + spans.trees(true), "metrics": p.scrape(t)} {
			if len(all) < 1000 || strings.Contains(all, secret) {
				t.Errorf("the %s have the secret, or are too few:\n%s", what, all)
			}
		}
	})
}

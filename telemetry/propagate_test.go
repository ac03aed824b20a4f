package telemetry_test

import (
	"context"
	"testing"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/asynccalls/asynccalls/telemetry"
)

// foreign carries the context of a trace in a header of its own.
type foreign struct{ propagation.TraceContext }

func (f foreign) Inject(ctx context.Context, c propagation.TextMapCarrier) {
	inner := propagation.MapCarrier{}
	f.TraceContext.Inject(ctx, inner)
	c.Set("foreign", inner["traceparent"])
}

func (f foreign) Extract(ctx context.Context, c propagation.TextMapCarrier) context.Context {
	for _, key := range c.Keys() {
		if key == "foreign" {
			return f.TraceContext.Extract(ctx, propagation.MapCarrier{"traceparent": c.Get(key)})
		}
	}
	return ctx
}

func (foreign) Fields() []string { return []string{"foreign"} }

// TestPropagation has services that report their spans in different ways, or not at
// all, talk to each other.
func TestPropagation(t *testing.T) {
	t.Parallel()
	alike := func(spans *recorder) []telemetry.Option {
		return []telemetry.Option{telemetry.WithTracerProvider(spans.provider), telemetry.WithPropagator(foreign{})}
	}
	unsampled := func(*recorder) []telemetry.Option {
		provider := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample()))
		return []telemetry.Option{telemetry.WithTracerProvider(provider)}
	}
	sampled := func(spans *recorder) []telemetry.Option {
		return []telemetry.Option{telemetry.WithTracerProvider(spans.provider)}
	}
	tests := map[string]struct {
		server, client func(*recorder) []telemetry.Option // nil is that it reports nothing
	}{
		"only the client":         {nil, sampled},
		"only the server":         {sampled, nil},
		"the client does not":     {sampled, unsampled},
		"the server does not":     {unsampled, sampled},
		"another propagator":      {alike, alike},
		"one another, one not":    {sampled, alike},
		"neither samples, though": {unsampled, unsampled},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world(t, func(t *testing.T, d driver.Driver, spans *recorder) {
				server := newService(t, "money", d, asynccalls.Topics{Partitions: 1}, asynccalls.Retry{Awaited: true})
				client := newService(t, "client", d, asynccalls.WithReplyOrdinal(0))
				for s, options := range map[*asynccalls.Service]func(*recorder) []telemetry.Option{server: tt.server, client: tt.client} {
					if options == nil {
						continue
					}
					if _, err := telemetry.Instrument(s, append(options(spans), telemetry.WithMeterProvider(noop.NewMeterProvider()))...); err != nil {
						t.Fatal(err)
					}
				}
				server.Handle("/show/{what}", show)
				listen(t, server)
				got, err := read(client.Call(t.Context(), asynccalls.NewRequest("money", "/show/all", nil)))
				if got != 4 || err != nil {
					t.Errorf("got %d responses, %v, want 4", got, err)
				}
				spans.check(t, "propagation-"+file(name), false)
			})
		})
	}
}

// TestTraceparent has a request join the trace of whoever makes it, also if that is
// not sampled.
func TestTraceparent(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d driver.Driver, spans *recorder) {
		server := spans.newService(t, "money", d)
		headers := make(chan asynccalls.Header, 1)
		server.Handle("/e", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
			headers <- r.Header
			return nil
		})
		listen(t, server)
		client := spans.newService(t, "client", d)
		ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, Remote: true,
		}))
		r := asynccalls.NewRequest("money", "/e", nil)
		r.Header.Add("traceparent", "of another")
		if err := client.Notify(ctx, r); err != nil {
			t.Fatal(err)
		}
		got := <-headers
		const id, unsampled = "00-01000000000000000000000000000000-", "-00"
		if v := got.Get("traceparent"); len(got) != 1 || len(v) < len(id) || v[:len(id)] != id || v[len(v)-3:] != unsampled {
			t.Errorf("headers are %v, want a traceparent %s…%s", got, id, unsampled)
		}
		spans.check(t, "unsampled", false)
	})
}

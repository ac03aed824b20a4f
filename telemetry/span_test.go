package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/memory"
	"github.com/asynccalls/asynccalls/telemetry"
)

// world runs a test in virtual time, with a broker and what spans are exported to.
func world(t *testing.T, f func(t *testing.T, d driver.Driver, spans *recorder)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := memory.New()
		t.Cleanup(func() { d.Close() })
		spans := &recorder{exporter: tracetest.NewInMemoryExporter()}
		spans.provider = sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans.exporter))
		f(t, d, spans)
	})
}

// recorder has the spans of a test.
type recorder struct {
	exporter *tracetest.InMemoryExporter
	provider *sdktrace.TracerProvider
}

// newService returns a service that reports its spans, and ends with the test.
func (s *recorder) newService(
	t *testing.T, id string, d driver.Driver, o ...asynccalls.Option,
) *asynccalls.Service {
	t.Helper()
	svc, err := asynccalls.New(id, d, o...)
	if err != nil {
		t.Fatal(err)
	}
	stop, err := telemetry.Instrument(svc, telemetry.WithTracerProvider(s.provider))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(svc.Close(), stop()); err != nil {
			t.Error(err)
		}
	})
	return svc
}

// listen has a service serve.
func listen(t *testing.T, s *asynccalls.Service) {
	t.Helper()
	go s.Listen(context.WithoutCancel(t.Context())) // Close ends it
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// trees writes the spans that have ended as trees: each below its parent, in the order
// in which they began, with its attributes if wanted. IDs are given names, so that it
// is the same each time.
func (s *recorder) trees(details bool) string {
	spans := s.exporter.GetSpans()
	slices.SortStableFunc(spans, func(a, b tracetest.SpanStub) int { return a.StartTime.Compare(b.StartTime) })
	names := map[trace.SpanID]string{}
	ids := map[string]string{}
	var b strings.Builder
	var write func(parent trace.SpanContext, depth int)
	one := func(span *tracetest.SpanStub, depth int) {
		indent := strings.Repeat("  ", depth)
		name := span.Name
		if n := attributeOf(span, "asynccalls.attempt"); n != "" {
			name += " attempt " + n
		}
		if n := attributeOf(span, "asynccalls.response.seq"); n != "" {
			name += " response " + n
		}
		names[span.SpanContext.SpanID()] = name
		fmt.Fprintf(&b, "%s%s (%s)", indent, name, span.SpanKind)
		if span.Status.Code != codes.Unset {
			fmt.Fprintf(&b, ": %s %s", span.Status.Code, span.Status.Description)
		}
		b.WriteString("\n")
		for _, l := range span.Links {
			fmt.Fprintf(&b, "%s  -> %s\n", indent, names[l.SpanContext.SpanID()])
		}
		if details {
			slices.SortFunc(span.Attributes, func(a, b attribute.KeyValue) int { return strings.Compare(string(a.Key), string(b.Key)) })
			for _, a := range span.Attributes {
				fmt.Fprintf(&b, "%s  . %s=%s\n", indent, a.Key, named(ids, a))
			}
		}
		write(span.SpanContext, depth+1)
	}
	write = func(parent trace.SpanContext, depth int) {
		for i := range spans {
			if p := spans[i].Parent; p.SpanID() == parent.SpanID() && (p.TraceID() == parent.TraceID() || !parent.IsValid()) {
				one(&spans[i], depth)
			}
		}
	}
	write(trace.SpanContext{}, 0)
	return b.String()
}

func attributeOf(span *tracetest.SpanStub, key attribute.Key) string {
	for _, a := range span.Attributes {
		if a.Key == key {
			return a.Value.Emit()
		}
	}
	return ""
}

// named returns the value of an attribute; an ID that was not seen before gets a name.
func named(ids map[string]string, a attribute.KeyValue) string {
	value := a.Value.Emit()
	if !strings.HasSuffix(string(a.Key), ".id") || a.Key == "messaging.destination.partition.id" {
		return value
	}
	if ids[value] == "" {
		ids[value] = fmt.Sprintf("ID-%d", len(ids)+1)
	}
	return ids[value]
}

// check compares what was exported.
func (s *recorder) check(t *testing.T, details bool, want string) {
	t.Helper()
	synctest.Wait()
	if diff := cmp.Diff(strings.TrimSpace(want), strings.TrimSpace(s.trees(details))); diff != "" {
		t.Errorf("the spans differ (-want +got):\n%s", diff)
	}
}

// TestTrace follows a call with four responses whose handler fails once, after the
// first of them: one trace, span by span.
func TestTrace(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d driver.Driver, spans *recorder) {
		server := spans.newService(t, "money", d, asynccalls.Topics{Partitions: 1}, asynccalls.Retry{Awaited: true})
		server.Handle("/show/{what}", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
			for i := range 4 {
				if err := w.Send(ctx, asynccalls.NewResponse(fmt.Appendf(nil, "response %d", i))); err != nil {
					return err
				}
				if i == 0 && r.Attempt == 1 {
					return errors.New("no luck")
				}
			}
			return nil
		})
		listen(t, server)
		client := spans.newService(t, "client", d)
		n := 0
		for _, err := range client.Call(t.Context(), asynccalls.NewRequest("money", "/show/all", []byte("please"))).Responses() {
			if n++; err != nil {
				t.Fatal(err)
			}
		}
		if n != 4 {
			t.Fatalf("got %d responses, want 4", n)
		}
		spans.check(t, true, `
`)
	})
}

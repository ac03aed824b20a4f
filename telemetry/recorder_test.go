package telemetry_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/memory"
	gocmp "github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric/noop"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/asynccalls/asynccalls/telemetry"
)

var update = flag.Bool("update", false, "write the files in testdata")

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
	svc := newService(t, id, d, o...)
	stop, err := telemetry.Instrument(svc, telemetry.WithTracerProvider(s.provider), telemetry.WithMeterProvider(noop.NewMeterProvider()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return svc
}

// newService returns a service that ends with the test.
func newService(t *testing.T, id string, d driver.Driver, o ...asynccalls.Option) *asynccalls.Service {
	t.Helper()
	s, err := asynccalls.New(id, d, o...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
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
	slices.SortStableFunc(spans, func(a, b tracetest.SpanStub) int {
		return cmp.Or(a.StartTime.Compare(b.StartTime), strings.Compare(titleOf(&a), titleOf(&b)))
	})
	names := map[trace.SpanID]string{}
	ids := map[string]string{}
	var b strings.Builder
	var write func(parent trace.SpanContext, depth int)
	one := func(span *tracetest.SpanStub, depth int) {
		indent := strings.Repeat("  ", depth)
		name := titleOf(span)
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

// titleOf returns the name of a span, and which one it is of those with that name.
func titleOf(span *tracetest.SpanStub) string {
	title := span.Name
	if n := attributeOf(span, "asynccalls.attempt"); n != "" {
		title += " attempt " + n
	}
	if n := attributeOf(span, "asynccalls.response.seq"); n != "" {
		title += " response " + n
	}
	return title
}

func attributeOf(span *tracetest.SpanStub, key attribute.Key) string {
	for _, a := range span.Attributes {
		if a.Key == key {
			return a.Value.String()
		}
	}
	return ""
}

// named returns the value of an attribute; an ID that was not seen before gets a name.
func named(ids map[string]string, a attribute.KeyValue) string {
	value := a.Value.String()
	if !strings.HasSuffix(string(a.Key), ".id") && !strings.HasSuffix(string(a.Key), "_id") || a.Key == "messaging.destination.partition.id" {
		return value
	}
	if ids[value] == "" {
		ids[value] = fmt.Sprintf("ID-%d", len(ids)+1)
	}
	return ids[value]
}

// check compares what was exported with a file in testdata.
func (s *recorder) check(t *testing.T, name string, details bool) {
	t.Helper()
	synctest.Wait()
	checkFile(t, name, s.trees(details))
}

// checkFile compares a text with a file in testdata.
func checkFile(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// file makes a part of the name of a file of the name of a test.
func file(name string) string { return strings.NewReplacer(",", "", " ", "-").Replace(name) }

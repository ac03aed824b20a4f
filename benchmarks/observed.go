package main

import (
	"context"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/telemetry"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// observed is echo10k with services that report to somebody, against the same
// services without that.
func observed(name string, observe func(svc *asynccalls.Service) error) work {
	w := echoMany(name, 10_000)
	w.figures = []figure{{"calls", "1/s", goal{}}}
	w.sides = func() []side {
		plain := sides()[1]
		watched := plain
		watched.name, watched.observe = "observed", observe
		return []side{plain, watched}
	}
	return w
}

// observe has a service report as its side does.
func (s *setup) observe(svc *asynccalls.Service) error {
	w, err := s.work()
	if err != nil || w.sides == nil { // else no side of it reports
		return err
	}
	side, err := s.side()
	if err != nil || side.observe == nil {
		return err
	}
	return side.observe(svc)
}

// withMetrics has metrics collected, and nobody ask for them, as it is nearly all the
// time.
func withMetrics(svc *asynccalls.Service) error {
	return instrument(svc, telemetry.WithTracerProvider(noop.NewTracerProvider()))
}

// withSampledTraces has one trace in a hundred reported as well.
func withSampledTraces(svc *asynccalls.Service) error {
	return instrument(svc, tracing(trace.WithSampler(trace.ParentBased(trace.TraceIDRatioBased(0.01)))))
}

// withTraces has all of them reported.
func withTraces(svc *asynccalls.Service) error { return instrument(svc, tracing()) }

func tracing(o ...trace.TracerProviderOption) telemetry.Option {
	return telemetry.WithTracerProvider(trace.NewTracerProvider(append(o, trace.WithBatcher(discard{}))...))
}

func instrument(svc *asynccalls.Service, o ...telemetry.Option) error {
	meters := metric.NewMeterProvider(metric.WithReader(metric.NewManualReader()))
	_, err := telemetry.Instrument(svc, append(o, telemetry.WithMeterProvider(meters))...)
	return err
}

// discard is an exporter of spans that drops them.
type discard struct{}

var _ trace.SpanExporter = discard{}

func (discard) ExportSpans(context.Context, []trace.ReadOnlySpan) error { return nil }

func (discard) Shutdown(context.Context) error { return nil }

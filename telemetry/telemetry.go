package telemetry

import (
	"fmt"

	"github.com/asynccalls/asynccalls"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// scope names the library in what it reports.
const scope = "github.com/asynccalls/asynccalls/telemetry"

// Option is a setting of [Instrument].
type Option func(*config)

type config struct {
	tracers      trace.TracerProvider
	meters       metric.MeterProvider
	propagator   propagation.TextMapPropagator
	callEndpoint func(service, endpoint string) string
}

// WithTracerProvider sets where spans go; by default the global provider. That of
// OpenTelemetry's package noop is for metrics alone, and saves what spans cost.
func WithTracerProvider(p trace.TracerProvider) Option { return func(c *config) { c.tracers = p } }

// WithMeterProvider sets where metrics go; by default the global provider.
func WithMeterProvider(p metric.MeterProvider) Option { return func(c *config) { c.meters = p } }

// WithPropagator sets how the context of a trace comes along with requests; by default
// as the global propagator has it, or by W3C Trace Context if none is set. With
// responses it always comes by W3C Trace Context, and baggage does not.
func WithPropagator(p propagation.TextMapPropagator) Option {
	return func(c *config) { c.propagator = p }
}

// WithCallEndpoint gives the duration of calls the attribute asynccalls.endpoint:
// what f returns for the endpoint that is called, and none for "". A caller does not
// know the patterns of other services, and a path such as "/orders/17" would make a
// series of its own for each order, so f should return one of few texts.
func WithCallEndpoint(f func(service, endpoint string) string) Option {
	return func(c *config) { c.callEndpoint = f }
}

// Instrument adds traces and metrics to a service. It is to be called before Listen,
// and panics after; before [asynccalls.Service.Use] it covers all other middleware.
// stop ends what is observed when somebody collects metrics; a program whose service
// lives as long as itself need not call it.
func Instrument(s *asynccalls.Service, o ...Option) (stop func() error, err error) {
	c := config{
		tracers:      otel.GetTracerProvider(),
		meters:       otel.GetMeterProvider(),
		propagator:   otel.GetTextMapPropagator(),
		callEndpoint: func(string, string) string { return "" },
	}
	if len(c.propagator.Fields()) == 0 {
		c.propagator = propagation.TraceContext{}
	}
	for _, set := range o {
		set(&c)
	}
	if c.tracers == nil || c.meters == nil || c.propagator == nil || c.callEndpoint == nil {
		return nil, fmt.Errorf("telemetry: instrument service %q: an option was given nil", s)
	}
	s.Use() // panics if that is too late, before anything is registered
	m, err := newMetrics(s, c.meters, c.callEndpoint)
	if err != nil {
		return nil, fmt.Errorf("telemetry: instrument service %q: %w", s, err)
	}
	t := newTracer(s, c.tracers, c.propagator)
	i := &instrument{t, m}
	s.UseCalls(i.calls)
	if !t.off {
		s.Use(t.handle)
		s.UseResponses(t.handleResponse)
	}
	s.UseHooks(i.hooks())
	return m.registration.Unregister, nil
}

// instrument is what a service reports to.
type instrument struct {
	*tracer
	*metrics
}

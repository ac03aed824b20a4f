package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/asynccalls/asynccalls/telemetry"
)

// broken is a provider of meters that can make no counters.
type broken struct{ noop.MeterProvider }

func (broken) Meter(string, ...metric.MeterOption) metric.Meter { return brokenMeter{} }

type brokenMeter struct{ noop.Meter }

func (brokenMeter) Int64Counter(string, ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return noop.Int64Counter{}, errors.New("no counters today")
}

// TestInstrumentFails names what is wrong.
func TestInstrumentFails(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		option telemetry.Option
		want   string
	}{
		"no tracers":    {telemetry.WithTracerProvider(nil), `instrument service "client": an option was given nil`},
		"no meters":     {telemetry.WithMeterProvider(nil), `instrument service "client": an option was given nil`},
		"no propagator": {telemetry.WithPropagator(nil), `instrument service "client": an option was given nil`},
		"no endpoint":   {telemetry.WithCallEndpoint(nil), `instrument service "client": an option was given nil`},
		"no counters":   {telemetry.WithMeterProvider(broken{}), "no counters today"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world(t, func(t *testing.T, d driver.Driver, _ *recorder) {
				_, err := telemetry.Instrument(newService(t, "client", d), tt.option)
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("instrumented, and got %v, want %q", err, tt.want)
				}
			})
		})
	}
}

// TestInstrumentLate panics, as adding middleware does.
func TestInstrumentLate(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d driver.Driver, spans *recorder) {
		s := newService(t, "money", d)
		s.Handle("/ok", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error { return nil })
		listen(t, s)
		p := newProcess(t)
		defer func() {
			if p := recover(); p == nil || !strings.Contains(fmt.Sprint(p), "has begun to listen") {
				t.Errorf("panicked with %v", p)
			}
			if text := p.scrape(t); strings.Contains(text, "asynccalls_") {
				t.Errorf("a service that was not instrumented has metrics:\n%s", text)
			}
		}()
		p.instrument(t, s)
	})
}

// TestStop ends what is observed of a service.
func TestStop(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d driver.Driver, _ *recorder) {
		p := newProcess(t)
		stop := p.instrument(t, newService(t, "client", d))
		const line = `asynccalls_calls_pending{asynccalls_service="client"} 0`
		if got := p.scrape(t); !strings.Contains(got, line) {
			t.Errorf("scraped %q, want %q", got, line)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if got := p.scrape(t); strings.Contains(got, line) {
			t.Errorf("stopped, and scraped %q", got)
		}
	})
}

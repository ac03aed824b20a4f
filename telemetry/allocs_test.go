//go:build !race

package telemetry_test

import (
	"context"
	"testing"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver/memory"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/asynccalls/asynccalls/telemetry"
)

// TestAllocations counts what metrics add to a call on its whole way, client and
// server. Where objects were saved, lower the bound.
//
// The race detector allocates as well, so that the test is not there.
func TestAllocations(t *testing.T) { //nolint:paralleltest // what other tests allocate would be counted
	const batch = 20 // calls, as AllocsPerRun tells whole numbers only
	count := func(instrument func(*asynccalls.Service)) float64 {
		call := newEcho(t, instrument)
		for range 1000 { // rows that are used again grow, and topics are found
			call()
		}
		return testing.AllocsPerRun(30, func() {
			for range batch {
				call()
			}
		}) / batch
	}
	without := count(func(*asynccalls.Service) {})
	with := count(func(s *asynccalls.Service) {
		meters := metric.NewMeterProvider(metric.WithReader(metric.NewManualReader()))
		if _, err := telemetry.Instrument(s, telemetry.WithMeterProvider(meters),
			telemetry.WithTracerProvider(noop.NewTracerProvider())); err != nil {
			t.Fatal(err)
		}
	})
	const most = 12.2
	if got := with - without; got > most {
		t.Errorf("metrics allocate %.2f objects a call, want at most %.1f", got, most)
	}
}

// newEcho returns a function that makes a call that is answered once.
func newEcho(t *testing.T, instrument func(*asynccalls.Service)) (call func()) {
	t.Helper()
	broker := memory.New()
	t.Cleanup(func() { broker.Close() })
	server := newService(t, "server", broker)
	instrument(server)
	server.Handle("/echo", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
		resp := asynccalls.NewResponse(r.Body)
		resp.End = true
		return w.Send(ctx, resp)
	})
	listen(t, server)
	client := newService(t, "client", broker)
	instrument(client)
	body := make([]byte, 100)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return func() {
		if _, err := client.CallOne(ctx, asynccalls.NewRequest("server", "/echo", body)); err != nil {
			t.Fatal(err)
		}
	}
}

package telemetry_test

import (
	"context"
	"fmt"
	"log"
	"slices"
	"strings"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver/memory"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/asynccalls/asynccalls/telemetry"
)

// A program sets up OpenTelemetry as it always does, here with an exporter for
// Prometheus and one that keeps spans, and then instruments its services.
func ExampleInstrument() {
	registry := prometheus.NewRegistry() // for promhttp.HandlerFor
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry))
	if err != nil {
		log.Fatal(err)
	}
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(exporter)))
	spans := tracetest.NewInMemoryExporter()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)))

	svc, err := asynccalls.New("shop", memory.New())
	if err != nil {
		log.Fatal(err)
	}
	if _, err := telemetry.Instrument(svc); err != nil {
		log.Fatal(err)
	}
	asynccalls.HandleJSON(svc, "/price", func(_ context.Context, pieces int) (int, error) { return 3 * pieces, nil })
	go svc.Listen(context.Background())
	if err := svc.Ready(context.Background()); err != nil {
		log.Fatal(err)
	}
	price, err := asynccalls.CallOneJSON[int](context.Background(), svc, "shop", "/price", 4)
	fmt.Println(price, err)
	svc.Close()

	var names []string
	for _, s := range spans.GetSpans() {
		names = append(names, s.Name)
	}
	slices.Sort(names)
	fmt.Println(strings.Join(names, ", "))
	families, err := registry.Gather()
	for _, f := range families {
		if name := f.GetName(); name == "asynccalls_call_duration_seconds" {
			fmt.Println(name, f.GetMetric()[0].GetHistogram().GetSampleCount(), err)
		}
	}
	// Output:
	// 12 <nil>
	// call shop, process /price, receive shop, respond shop
	// asynccalls_call_duration_seconds 1 <nil>
}

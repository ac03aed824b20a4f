package rules_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver/memory"
	"github.com/asynccalls/asynccalls/health"
	"github.com/asynccalls/asynccalls/telemetry"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
)

// operations returns what operators ask a service for: /metrics, /livez, /readyz and
// /startupz. It is called before Listen, and served on a port that is not public.
func operations(svc *asynccalls.Service) (http.Handler, error) {
	exporter, err := prometheus.New()
	if err != nil {
		return nil, err
	}
	meters := metric.NewMeterProvider(metric.WithReader(exporter))
	if _, err := telemetry.Instrument(svc, telemetry.WithMeterProvider(meters)); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.Handler())
	mux.Handle("/", health.Handler(svc))
	return mux, nil
}

// A service that is scraped and probed.
func Example() {
	svc, err := asynccalls.New("shop", memory.New())
	if err != nil {
		log.Fatal(err)
	}
	defer svc.Close()
	svc.Handle("/price", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error { return nil })
	handler, err := operations(svc)
	if err != nil {
		log.Fatal(err)
	}
	for _, path := range []string{"/metrics", "/livez", "/startupz"} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		fmt.Println(path, w.Code)
	}
	// Output:
	// /metrics 200
	// /livez 200
	// /startupz 503
}

package rules_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/memory"
	"github.com/asynccalls/asynccalls/telemetry"
	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
)

// shop is a service whose metrics are there to be scraped. It calls itself.
type shop struct {
	*asynccalls.Service

	url  string        // of its metrics
	left chan struct{} // closed when a caller has left
	late chan struct{} // closed when its response was sent
}

// openShop starts a shop, on a broker that has lost some of its requests, and has all
// happen to it that there is a metric of.
func openShop(t *testing.T) *shop {
	t.Helper()
	d := memory.New()
	t.Cleanup(func() { d.Close() })
	loseRequests(t, d)
	registry := client.NewRegistry()
	exporter, err := prometheus.New(prometheus.WithRegisterer(registry))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	t.Cleanup(server.Close)
	s := &shop{newService(t, d), server.URL, make(chan struct{}), make(chan struct{})}
	stop, err := telemetry.Instrument(s.Service,
		telemetry.WithMeterProvider(metric.NewMeterProvider(metric.WithReader(exporter))),
		telemetry.WithCallEndpoint(func(_, endpoint string) string { return endpoint }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop() })
	s.handle()
	listen(t, s.Service)
	s.work(t)
	return s
}

// loseRequests makes the broker lose requests that nobody has received, behind one
// that was committed.
func loseRequests(t *testing.T, d *memory.Driver) {
	t.Helper()
	s := newService(t, d)
	s.Handle("/", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error { return nil })
	stop := listen(t, s)
	if err := call(t.Context(), s, "/"); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := newService(t, d).Notify(t.Context(), asynccalls.NewRequest("shop", "/", nil)); err != nil {
		t.Fatal(err)
	}
	if err := d.DeleteRecords(driver.Partition{Topic: "shop.requests"}, -1); err != nil {
		t.Fatal(err)
	}
}

func newService(t *testing.T, d driver.Driver) *asynccalls.Service {
	t.Helper()
	s, err := asynccalls.New("shop", d, asynccalls.Topics{Partitions: 1}, asynccalls.Retry{Backoff: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// listen has a service serve until the test ends, or stop is called.
func listen(t *testing.T, s *asynccalls.Service) (stop func()) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- s.Listen(context.WithoutCancel(t.Context())) }()
	stop = sync.OnceFunc(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return stop
}

// call reads all responses of a call.
func call(ctx context.Context, s *asynccalls.Service, endpoint string) error {
	for _, err := range s.Call(ctx, asynccalls.NewRequest("shop", endpoint, nil)).Responses() {
		if err != nil {
			return err
		}
	}
	return nil
}

// handle registers the handlers.
func (s *shop) handle() {
	s.Handle("/price", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
		return w.Send(ctx, asynccalls.NewResponse([]byte("3")))
	})
	s.Handle("/again", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
		if err := w.Send(ctx, asynccalls.NewResponse([]byte("a"))); err != nil || r.Attempt > 1 {
			return err
		}
		return errors.New("the first attempt fails")
	}, asynccalls.Retry{Awaited: true})
	s.Handle("/late", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
		defer close(s.late)
		<-s.left
		return w.Send(ctx, asynccalls.NewResponse([]byte("late")))
	})
	s.Handle("/dead", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
		return asynccalls.Permanent(errors.New("dead"))
	})
	s.HandleResponses("shop", "/price", func(_ context.Context, r *asynccalls.Response) error { return r.Err() })
}

// work has something happen for each metric.
func (s *shop) work(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	for _, endpoint := range []string{"/price", "/again"} {
		if err := call(ctx, s.Service, endpoint); err != nil {
			t.Fatal(err)
		}
	}
	if err := call(ctx, s.Service, "/nothing"); err == nil {
		t.Error("a call of an unknown endpoint ended well")
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if err := call(short, s.Service, "/late"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("call ended with %v, want its deadline", err)
	}
	close(s.left)
	<-s.late
	if err := s.Send(ctx, asynccalls.NewRequest("shop", "/price", nil)); err != nil {
		t.Fatal(err)
	}
	if err := s.Notify(ctx, asynccalls.NewRequest("shop", "/dead", nil)); err != nil {
		t.Fatal(err)
	}
	if err := s.Notify(ctx, asynccalls.NewRequest("nobody", "/", nil)); !errors.Is(err, asynccalls.ErrNoService) {
		t.Errorf("request to a service that is not there: %v, want ErrNoService", err)
	}
}

// scrape returns what the shop exposes.
func (s *shop) scrape(t *testing.T) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

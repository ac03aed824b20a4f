package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/driver/memory"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/asynccalls/asynccalls/telemetry"
)

// process is a program with services whose metrics can be scraped.
type process struct {
	provider *metric.MeterProvider
	handler  http.Handler
}

func newProcess(t *testing.T) *process {
	t.Helper()
	registry := prometheus.NewRegistry()
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry), otelprometheus.WithoutScopeInfo(),
		otelprometheus.WithoutTargetInfo())
	if err != nil {
		t.Fatal(err)
	}
	return &process{
		metric.NewMeterProvider(metric.WithReader(exporter)),
		promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}),
	}
}

func (p *process) instrument(t *testing.T, s *asynccalls.Service, o ...telemetry.Option) (stop func() error) {
	t.Helper()
	o = append(o, telemetry.WithMeterProvider(p.provider), telemetry.WithTracerProvider(noop.NewTracerProvider()))
	stop, err := telemetry.Instrument(s, o...)
	if err != nil {
		t.Fatal(err)
	}
	return stop
}

// scrape returns what Prometheus gets. The buckets of a histogram are one line.
func (p *process) scrape(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(p.handler)
	defer server.Close()
	client := server.Client()
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("scraped, and got %s, %v: %s", response.Status, err, body)
	}
	var lines []string
	buckets := map[string][]string{}
	for line := range strings.Lines(string(body)) {
		name, rest, isBucket := strings.Cut(line, "_bucket{")
		if !isBucket {
			lines = append(lines, rounded(line))
			continue
		}
		_, le, _ := strings.Cut(rest, `le="`)
		le, _, _ = strings.Cut(le, `"`)
		if !slices.Contains(buckets[name], le) {
			buckets[name] = append(buckets[name], le)
		}
	}
	for name, all := range buckets {
		lines = append(lines, fmt.Sprintf("# BUCKETS %s %s\n", name, strings.Join(all, " ")))
	}
	slices.SortStableFunc(lines, func(a, b string) int { return strings.Compare(metricOf(a), metricOf(b)) })
	return strings.Join(lines, "")
}

// rounded leaves out what differs each time: the digits of a sum, by the jitter of
// retries, and in how many commits the work is done.
func rounded(line string) string {
	value := strings.LastIndexByte(line, ' ')
	if strings.Contains(line, "_sum{") && strings.Contains(line[value:], ".") ||
		strings.HasPrefix(line, "asynccalls_commits_total{") && line[value:] != " 0\n" {
		return line[:value] + " some\n"
	}
	return line
}

// metricOf returns the name of the metric that a line is about.
func metricOf(line string) string {
	if rest, ok := strings.CutPrefix(line, "# "); ok {
		return strings.Fields(rest)[1]
	}
	name, _, _ := strings.Cut(line, "{")
	for _, suffix := range []string{"_count", "_sum"} {
		name = strings.TrimSuffix(name, suffix)
	}
	return name
}

// flaky is a driver whose commits can fail.
type flaky struct {
	*memory.Driver

	fails atomic.Bool
}

func (f *flaky) Join(ctx context.Context, group string, topics []string, l driver.Listener) (driver.Group, error) {
	g, err := f.Driver.Join(ctx, group, topics, l)
	return &flakyGroup{g, f}, err
}

type flakyGroup struct {
	driver.Group

	f *flaky
}

func (g *flakyGroup) Commit(ctx context.Context, p ...driver.Position) error {
	if g.f.fails.Load() {
		return errors.New("not now")
	}
	return g.Group.Commit(ctx, p...)
}

// Lag tells what the broker knows.
func (g *flakyGroup) Lag(ctx context.Context) (map[driver.Partition]int64, error) {
	member, _ := g.Group.(interface {
		Lag(ctx context.Context) (map[driver.Partition]int64, error)
	})
	return member.Lag(ctx)
}

// TestMetrics has happen what there are metrics for, and scrapes them.
func TestMetrics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &flaky{Driver: memory.New()}
		t.Cleanup(func() { d.Close() })
		p := newProcess(t)
		one := asynccalls.Topics{Partitions: 1, ReplyPartitions: 1}
		release := make(chan struct{})
		server := newService(t, "money", d, one, asynccalls.Retry{Attempts: 2}, asynccalls.Limits{Concurrency: 2, Window: 8})
		p.instrument(t, server)
		server.Handle("/show/{what}", show, asynccalls.Retry{Awaited: true})
		server.Handle("/ok", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
			return w.Send(ctx, asynccalls.NewResponse(nil))
		})
		server.Handle("/fails", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
			return errors.New("broken")
		})
		server.Handle("/taken", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
			return &asynccalls.Error{Status: 409, Message: "taken"}
		})
		server.Handle("/waits", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
			<-release
			return nil
		})
		server.Handle("/later", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
			return asynccalls.RetryAfter(10*time.Minute, errors.New("not yet"))
		})
		server.Handle("/begins", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
			err := w.Send(ctx, asynccalls.NewResponse([]byte("the first of many")))
			<-release
			return err
		})
		listen(t, server)
		client := newService(t, "client", d, one)
		p.instrument(t, client, telemetry.WithCallEndpoint(func(service, endpoint string) string {
			if service == "money" && strings.HasPrefix(endpoint, "/show/") {
				return "/show/{what}"
			}
			return endpoint
		}))
		client.HandleResponses("money", "/show/{what}", func(context.Context, *asynccalls.Response) error { return nil })
		listen(t, client)
		other := newService(t, "client", d, one) // in another process

		d.fails.Store(true)
		send(t, client.Notify, "/fails")
		d.fails.Store(false)
		calls(t, client, other)

		// The handlers of the server hang, and a call gets responses that nobody reads.
		if err := client.Notify(t.Context(), asynccalls.NewRequest("money", "/later", nil)); err != nil {
			t.Fatal(err)
		}
		client.Call(t.Context(), asynccalls.NewRequest("money", "/begins", nil))
		elapse(time.Second)
		for range 20 { // of which the last are not received, as the window is full
			if err := client.Notify(t.Context(), asynccalls.NewRequest("money", "/waits", nil)); err != nil {
				t.Fatal(err)
			}
			elapse(time.Millisecond)
		}
		checkFile(t, "metrics-busy", p.scrape(t))

		// The broker loses some of what was not received.
		if err := d.DeleteRecords(driver.Partition{Topic: "money.requests"}, 30); err != nil {
			t.Fatal(err)
		}
		close(release)
		elapse(time.Minute)
		checkFile(t, "metrics", p.scrape(t))
	})
}

// calls has a call end in each way.
func calls(t *testing.T, client, other *asynccalls.Service) {
	t.Helper()
	for _, c := range []struct {
		endpoint string
		status   int
	}{{"/taken", 409}, {"/unknown", 404}, {"/fails", 500}} {
		_, err := client.CallOne(t.Context(), asynccalls.NewRequest("money", c.endpoint, nil))
		wantStatus(t, err, c.status)
	}
	for _, s := range []*asynccalls.Service{client, other} {
		if _, err := s.CallOne(t.Context(), asynccalls.NewRequest("money", "/ok", nil)); err != nil {
			t.Error(err)
		}
	}
	if n, err := read(client.Call(t.Context(), asynccalls.NewRequest("money", "/show/all", nil))); n != 4 || err != nil {
		t.Errorf("got %d responses, %v, want 4", n, err)
	}
	for range client.Call(t.Context(), asynccalls.NewRequest("money", "/show/all", nil)).Responses() {
		break // what comes after is late
	}
	send(t, client.Send, "/show/all")
	_, err := client.CallOne(t.Context(), asynccalls.NewRequest("nobody", "/show/all", nil))
	wantError(t, err, asynccalls.ErrNoService)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	for range 2 { // the second is not sent
		_, err = client.CallOne(ctx, asynccalls.NewRequest("money", "/waits", nil))
		wantError(t, err, context.DeadlineExceeded)
	}
	elapse(time.Minute)
}

// TestExemplars has the time of an attempt lead to its trace.
func TestExemplars(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d driver.Driver, spans *recorder) {
		reader := metric.NewManualReader()
		s := newService(t, "money", d)
		_, err := telemetry.Instrument(s, telemetry.WithTracerProvider(spans.provider),
			telemetry.WithMeterProvider(metric.NewMeterProvider(metric.WithReader(reader))))
		if err != nil {
			t.Fatal(err)
		}
		s.Handle("/ok", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error { return nil })
		listen(t, s)
		send(t, s.Notify, "/ok")
		var all metricdata.ResourceMetrics
		if err := reader.Collect(t.Context(), &all); err != nil {
			t.Fatal(err)
		}
		for _, m := range all.ScopeMetrics[0].Metrics {
			histogram, ok := m.Data.(metricdata.Histogram[float64])
			if !ok {
				continue
			}
			for _, span := range spans.exporter.GetSpans() {
				id := span.SpanContext.SpanID()
				if e := histogram.DataPoints[0].Exemplars; span.Name == "process /ok" && (len(e) != 1 || string(e[0].SpanID) != string(id[:])) {
					t.Errorf("%s has the exemplars %v, want that of span %v", m.Name, e, id)
				}
			}
		}
	})
}

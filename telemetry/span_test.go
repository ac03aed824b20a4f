package telemetry_test

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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

// show answers with four responses, and fails once after the first of them.
func show(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
	for i := range 4 {
		if err := w.Send(ctx, asynccalls.NewResponse(fmt.Appendf(nil, "response %d", i))); err != nil {
			return err
		}
		if i == 0 && r.Attempt == 1 {
			return errors.New("no luck")
		}
	}
	return nil
}

// TestTrace follows a call with four responses and one retry: one trace, span by span.
func TestTrace(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d driver.Driver, spans *recorder) {
		server := spans.newService(t, "money", d, asynccalls.Topics{Partitions: 1}, asynccalls.Retry{Awaited: true})
		server.Handle("/show/{what}", show)
		listen(t, server)
		client := spans.newService(t, "client", d, asynccalls.WithReplyOrdinal(0))
		got, err := read(client.Call(t.Context(), asynccalls.NewRequest("money", "/show/all", []byte("please"))))
		if got != 4 || err != nil {
			t.Fatalf("got %d responses, %v, want 4", got, err)
		}
		spans.check(t, "call", true)
	})
}

// TestSendSpan looks at the attributes of what Send does.
func TestSendSpan(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d driver.Driver, spans *recorder) {
		serve(t, d, spans)
		client := spans.newService(t, "client", d, asynccalls.Topics{Partitions: 1})
		send(t, client.Notify, "/fails")
		spans.check(t, "send", true)
	})
}

// TestCallsSend has middleware of calls send something else by the context of the
// call: that is not the call.
func TestCallsSend(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d driver.Driver, spans *recorder) {
		serve(t, d, spans)
		client := spans.newService(t, "client", d)
		client.UseCalls(func(next asynccalls.Caller) asynccalls.Caller {
			return func(ctx context.Context, r *asynccalls.Request) iter.Seq2[*asynccalls.Response, error] {
				if err := client.Notify(ctx, asynccalls.NewRequest("money", "/dropped", nil)); err != nil {
					t.Error(err)
				}
				return next(ctx, r)
			}
		})
		_, err := client.CallOne(t.Context(), asynccalls.NewRequest("money", "/taken", nil))
		wantStatus(t, err, 409)
		spans.check(t, "calls-send", false)
	})
}

// read reads a call to its end.
func read(c *asynccalls.Call) (responses int, err error) {
	for _, err := range c.Responses() {
		if err != nil {
			return responses, err
		}
		responses++
	}
	return responses, nil
}

// TestSpans has what goes another way leave its spans.
func TestSpans(t *testing.T) {
	t.Parallel()
	tests := map[string]func(t *testing.T, client *asynccalls.Service){
		"durable": func(t *testing.T, client *asynccalls.Service) {
			send(t, client.Send, "/show/all")
		},
		"durable, failed": func(t *testing.T, client *asynccalls.Service) {
			send(t, client.Send, "/fails")
		},
		"one-way": func(t *testing.T, client *asynccalls.Service) {
			send(t, client.Notify, "/show/all")
		},
		"one-way, unknown endpoint": func(t *testing.T, client *asynccalls.Service) {
			send(t, client.Notify, "/unknown")
		},
		"one-way, dropped": func(t *testing.T, client *asynccalls.Service) {
			send(t, client.Notify, "/dropped")
		},
		"no such service": func(t *testing.T, client *asynccalls.Service) {
			err := client.Notify(t.Context(), asynccalls.NewRequest("nobody", "/show", nil))
			wantError(t, err, asynccalls.ErrNoService)
			_, err = client.CallOne(t.Context(), asynccalls.NewRequest("nobody", "/show", nil))
			wantError(t, err, asynccalls.ErrNoService)
		},
		"call, refused by a hook": func(t *testing.T, client *asynccalls.Service) {
			_, err := client.CallOne(t.Context(), asynccalls.NewRequest("money", "/refused", nil))
			wantStatus(t, err, 403)
		},
		"call, panic": func(t *testing.T, client *asynccalls.Service) {
			_, err := client.CallOne(t.Context(), asynccalls.NewRequest("money", "/panics", nil))
			wantStatus(t, err, 500)
		},
		"call, deadline": func(t *testing.T, client *asynccalls.Service) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := client.CallOne(ctx, asynccalls.NewRequest("money", "/slow", nil))
			wantError(t, err, context.DeadlineExceeded)
			elapse(time.Minute)
		},
		"call, left early": func(t *testing.T, client *asynccalls.Service) {
			for range client.Call(t.Context(), asynccalls.NewRequest("money", "/show/all", nil)).Responses() {
				break
			}
			elapse(time.Minute)
		},
		"call, nobody reads": func(t *testing.T, client *asynccalls.Service) {
			ctx, cancel := context.WithCancel(t.Context())
			client.Call(ctx, asynccalls.NewRequest("money", "/show/all", nil))
			elapse(time.Second)
			cancel()
		},
		"call, nested": func(t *testing.T, client *asynccalls.Service) {
			if _, err := client.CallOne(t.Context(), asynccalls.NewRequest("money", "/nested", nil)); err != nil {
				t.Fatal(err)
			}
		},
		"call, sent twice": func(t *testing.T, client *asynccalls.Service) {
			r := asynccalls.NewRequest("money", "/taken", nil)
			_, err := client.CallOne(t.Context(), r)
			wantStatus(t, err, 409)
			if _, err := client.CallOne(t.Context(), r); err == nil {
				t.Error("the same request was sent twice")
			}
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world(t, func(t *testing.T, d driver.Driver, spans *recorder) {
				serve(t, d, spans)
				client := spans.newService(t, "client", d, asynccalls.Topics{Partitions: 1}, asynccalls.WithReplyOrdinal(0))
				client.HandleResponses("money", "/{path...}", func(context.Context, *asynccalls.Response) error { return nil })
				listen(t, client)
				test(t, client)
				spans.check(t, file(name), false)
			})
		})
	}
}

// serve starts the service that tests call.
func serve(t *testing.T, d driver.Driver, spans *recorder) {
	t.Helper()
	s := spans.newService(t, "money", d, asynccalls.Topics{Partitions: 1}, asynccalls.Retry{Attempts: 2}, asynccalls.Hooks{
		BeforeReceive: func(_ context.Context, r *asynccalls.Request) error {
			if r.Endpoint == "/refused" {
				return &asynccalls.Error{Status: 403, Message: "not for you"}
			}
			return nil
		},
	})
	answer := func(err error) asynccalls.Handler {
		return func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error { return err }
	}
	s.Handle("/show/{what}", show)
	s.Handle("/refused", answer(nil))
	s.Handle("/fails", answer(errors.New("broken")))
	s.Handle("/taken", answer(&asynccalls.Error{Status: 409, Message: "taken"}))
	s.Handle("/dropped", answer(asynccalls.Drop(errors.New("not needed"))))
	s.Handle("/panics", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
		var none []int
		_ = none[17] // it panics
		return nil
	})
	s.Handle("/slow", func(ctx context.Context, _ asynccalls.ResponseWriter, _ *asynccalls.Request) error {
		<-ctx.Done()
		return context.Cause(ctx)
	})
	s.Handle("/nested", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
		if _, err := s.CallOne(ctx, asynccalls.NewRequest("money", "/taken", nil)); err == nil {
			return errors.New("the nested call has not failed")
		}
		return w.Send(context.Background(), asynccalls.NewResponse(nil)) //nolint:usetesting // one without a span
	})
	listen(t, s)
}

// send sends a request, and waits until all has come of it that will.
func send(t *testing.T, send func(context.Context, ...*asynccalls.Request) error, endpoint string) {
	t.Helper()
	if err := send(t.Context(), asynccalls.NewRequest("money", endpoint, nil)); err != nil {
		t.Fatal(err)
	}
	elapse(time.Minute)
}

// elapse lets virtual time pass.
func elapse(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("ended with %v, want %v", err, want)
	}
}

func wantStatus(t *testing.T, err error, want int) {
	t.Helper()
	if e, ok := errors.AsType[*asynccalls.Error](err); !ok || e.Status != want {
		t.Errorf("ended with %v, want status %d", err, want)
	}
}

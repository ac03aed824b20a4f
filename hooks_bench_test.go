package asynccalls_test

import (
	"context"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver/memory"
)

// BenchmarkHooks makes calls with and without hooks, in turn. Its ratio is how much
// longer they take with all of them, and its other one how much with hooks that are
// all nil.
func BenchmarkHooks(b *testing.B) {
	broker := memory.New()
	b.Cleanup(func() { broker.Close() })
	quiet := noteNothing()
	clients := map[string]*asynccalls.Service{}
	for name, hooks := range map[string][]asynccalls.Option{"none": nil, "nil": {asynccalls.Hooks{}}, "all": {quiet}} {
		server := newService(b, "server-"+name, broker, hooks...)
		server.Handle("/echo", last("a"))
		listen(b, server)
		clients[name] = newService(b, "client-"+name, broker, hooks...)
	}
	names := []string{"none", "nil", "all"}
	took := map[string]time.Duration{}
	const calls = 500
	for round := 0; b.Loop(); round++ {
		for i := range names {
			name := names[(i+round)%len(names)]
			start := time.Now()
			for range calls {
				if _, err := clients[name].CallOne(b.Context(), asynccalls.NewRequest("server-"+name, "/echo", nil)); err != nil {
					b.Fatal(err)
				}
			}
			took[name] += time.Since(start)
		}
	}
	b.ReportMetric(0, "ns/op")
	for _, name := range names {
		b.ReportMetric(float64(took[name])/float64(b.N*calls), "ns/call-"+name)
	}
	b.ReportMetric(float64(took["nil"])/float64(took["none"]), "ratio-nil")
	b.ReportMetric(float64(took["all"])/float64(took["none"]), "ratio-all")
}

// noteNothing returns hooks that do nothing.
func noteNothing() asynccalls.Hooks {
	handled := func(context.Context, *asynccalls.Handled) {}
	response := func(*asynccalls.Response) {}
	return asynccalls.Hooks{
		BeforeSend:     func(context.Context, *asynccalls.Request) error { return nil },
		AfterSend:      func(context.Context, *asynccalls.Request, asynccalls.Source, error) {},
		BeforeReceive:  func(context.Context, *asynccalls.Request) error { return nil },
		AfterHandle:    handled,
		OnRetry:        handled,
		OnDeadLetter:   handled,
		OnLateResponse: response, OnDuplicateResponse: response,
	}
}

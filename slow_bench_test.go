package asynccalls_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver/memory"
)

// BenchmarkSlowReader makes calls one after the other, beside streams whose
// responses are read and beside streams that nobody reads (semantics 3.8), in turn.
// Its ratio is how many more calls a second are made beside the latter.
func BenchmarkSlowReader(b *testing.B) {
	broker := memory.New()
	b.Cleanup(func() { broker.Close() })
	server := newService(b, "server", broker)
	var stream []string
	for range 64 {
		stream = append(stream, string(make([]byte, 1000)))
	}
	server.Handle("/stream", reply(nil, stream...))
	server.Handle("/echo", last("a"))
	listen(b, server)
	client := newService(b, "client", broker, asynccalls.Limits{CallBytes: 32 << 10})
	sides := map[bool]time.Duration{} // by whether the streams are read
	const calls = 500
	for round := 0; b.Loop(); round++ {
		for _, read := range []bool{round%2 == 0, round%2 != 0} {
			stop := besideStreams(b, client, read)
			start := time.Now()
			for range calls {
				if _, err := client.CallOne(b.Context(), asynccalls.NewRequest("server", "/echo", nil)); err != nil {
					b.Fatal(err)
				}
			}
			sides[read] += time.Since(start)
			stop()
		}
	}
	b.ReportMetric(0, "ns/op")
	for read, name := range map[bool]string{true: "ns/call-read", false: "ns/call-unread"} {
		b.ReportMetric(float64(sides[read])/float64(b.N*calls), name)
	}
	b.ReportMetric(float64(sides[true])/float64(sides[false]), "ratio")
}

// besideStreams keeps streams coming until stop is called.
func besideStreams(b *testing.B, client *asynccalls.Service, read bool) (stop func()) {
	b.Helper()
	const pace = 20 * time.Millisecond
	ctx, cancel := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				next := time.After(pace)
				call := client.Call(ctx, asynccalls.NewRequest("server", "/stream", nil))
				if read {
					_, _ = collect(call) // canceled in the end
				}
				<-next
				if _, err := collect(call); !read && ctx.Err() == nil && !errors.Is(err, asynccalls.ErrSlowReader) {
					b.Errorf("a call that nobody reads ended with %v", err)
				}
			}
		})
	}
	return func() {
		cancel()
		wg.Wait()
	}
}

package asynccalls_test

import (
	"context"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/internal/info"
)

// TestInfo asks an instance what it says of itself.
func TestInfo(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		s := newService(t, "server", d)
		s.Handle("/orders/{id}", reply(nil, ""), asynccalls.Limits{Handler: time.Second})
		s.Handle("/hello", reply(nil, ""), asynccalls.Retry{Attempts: 2})
		for _, other := range []string{"other", "another"} {
			s.HandleResponses(other, "/{any...}", func(context.Context, *asynccalls.Response) error { return nil })
		}
		begun := time.Now()
		listen(t, s)
		client := newService(t, "client", d)
		got, err := asynccalls.CallOneJSON[info.Info](t.Context(), client, "server", info.Endpoint, nil)
		if err != nil {
			t.Fatal(err)
		}
		host, err := os.Hostname()
		if err != nil {
			t.Fatal(err)
		}
		want := info.Info{
			Service: "server", Host: host, Process: os.Getpid(), Started: begun, Go: runtime.Version(), Running: 1,
			Program: got.Program, Version: got.Version, Library: got.Library,
			Endpoints: []info.Route{
				{Pattern: "/hello", Timeout: "1m0s", Attempts: 2},
				{Pattern: "/orders/{id}", Timeout: "1s", Attempts: 5},
			},
			Responses: []info.Route{
				{Service: "another", Pattern: "/{any...}", Timeout: "1m0s", Attempts: 5},
				{Service: "other", Pattern: "/{any...}", Timeout: "1m0s", Attempts: 5},
			},
		}
		for _, topic := range []string{"server.requests", "server.responses"} {
			for id := range int32(4) {
				want.Partitions = append(want.Partitions, info.Partition{Topic: topic, ID: id})
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("info (-want +got):\n%s", diff)
		}
		if !strings.HasPrefix(got.Program, "github.com/asynccalls/asynccalls") || got.Library == "" {
			t.Errorf("program %q with library %q, want those of this test", got.Program, got.Library)
		}
	})
}

// TestInfoAsWanted has a service that answers in its own way.
func TestInfoAsWanted(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		own := newService(t, "own", d)
		own.Handle(info.Endpoint, reply(nil, "mine"))
		own.Handle("/{any...}", reply(nil, "any"))
		listen(t, own)
		client := newService(t, "client", d)
		r, err := client.CallOne(t.Context(), asynccalls.NewRequest("own", info.Endpoint, nil))
		if err != nil || string(r.Body) != "mine" {
			t.Errorf("got %v and %v, want the response of its own handler", r, err)
		}
	})
}

// TestInfoInProcess has a handler look at what its service is.
func TestInfoInProcess(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		s := newService(t, "server", d, asynccalls.Topics{Prefix: "p.", Partitions: 3})
		options := make([]asynccalls.EndpointOption, 1, 2)
		options[0] = asynccalls.Retry{Attempts: 2}
		asynccalls.HandleJSON(s, "/unary", func(context.Context, int) (string, error) { return "", nil }, options...)
		asynccalls.StreamJSON(s, "/stream", func(context.Context, []int, func(bool) error) error { return nil })
		s.Handle("/bytes", reply(nil, ""), options...)
		if options[:2][1] != nil {
			t.Error("the options of the caller have another behind them")
		}
		var got *info.Description
		s.Handle("/$look", func(ctx context.Context, _ asynccalls.ResponseWriter, _ *asynccalls.Request) error {
			got, _ = ctx.Value(info.Key{}).(*info.Description)
			return nil
		})
		asynccalls.HandleResponsesJSON(s, "other", "/{any...}",
			func(context.Context, *asynccalls.Response, float64) error { return nil })
		listen(t, s)
		client := newService(t, "client", d, asynccalls.Topics{Prefix: "p."})
		for range client.Call(t.Context(), asynccalls.NewRequest("server", "/$look", nil)).Responses() {
			t.Error("there is a response")
		}
		want := []info.Handler{
			{Route: info.Route{Pattern: "/$look", Timeout: "1m0s", Attempts: 5}},
			{Route: info.Route{Pattern: "/bytes", Timeout: "1m0s", Attempts: 2}},
			{Route: info.Route{Pattern: "/stream", Timeout: "1m0s", Attempts: 5}, Types: info.Types{In: reflect.TypeFor[[]int](), Out: reflect.TypeFor[bool]()}},
			{Route: info.Route{Pattern: "/unary", Timeout: "1m0s", Attempts: 2}, Types: info.Types{In: reflect.TypeFor[int](), Out: reflect.TypeFor[string](), Unary: true}},
		}
		responses := []info.Handler{
			{Route: info.Route{Service: "other", Pattern: "/{any...}", Timeout: "1m0s", Attempts: 5}, Types: info.Types{In: reflect.TypeFor[float64]()}},
		}
		same := cmp.Comparer(func(a, b reflect.Type) bool { return a == b })
		if diff := cmp.Diff(want, got.Endpoints, same); diff != "" {
			t.Errorf("endpoints (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(responses, got.Responses, same); diff != "" {
			t.Errorf("responses (-want +got):\n%s", diff)
		}
		if topic := got.Topics[".requests"]; got.Service != "server" || got.Prefix != "p." || topic.Partitions != 3 {
			t.Errorf("service is %q with prefix %q and %+v", got.Service, got.Prefix, topic)
		}
		said, err := asynccalls.CallOneJSON[info.Info](t.Context(), client, "server", info.Endpoint, nil)
		if err != nil || len(said.Endpoints) != 3 || said.Endpoints[0].Pattern != "/bytes" {
			t.Errorf("others are told of %+v and %v, want all but that for tools", said.Endpoints, err)
		}
	})
}

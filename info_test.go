package asynccalls_test

import (
	"context"
	"os"
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

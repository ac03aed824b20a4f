package asynccalls_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
)

// TestRunsOfATrace has each attempt at a request give its responses a span of its own:
// they are the same responses all the same, as long as other headers are equal (3.2).
func TestRunsOfATrace(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		header string
		want   error
	}{
		"traceparent": {"traceparent", nil},
		"tracestate":  {"tracestate", nil},
		"another":     {"span", asynccalls.ErrRestarted},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world(t, func(t *testing.T, d *faulty) {
				s := newService(t, "server", d, asynccalls.Retry{Awaited: true})
				s.Handle("/e", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
					for i := range 2 * r.Attempt {
						resp := asynccalls.NewResponse(fmt.Append(nil, i))
						resp.Header.Add(tt.header, fmt.Sprintf("%d.%d", r.Attempt, i))
						if err := w.Send(ctx, resp); err != nil {
							return err
						}
					}
					if r.Attempt == 1 {
						return errors.New("again")
					}
					return nil
				})
				listen(t, s)
				bodies, err := collect(newService(t, "client", d).Call(t.Context(), asynccalls.NewRequest("server", "/e", nil)))
				if len(bodies) < 2 || len(bodies) < 4 && err == nil || !errors.Is(err, tt.want) {
					t.Errorf("got %v, %v, want %v", bodies, err, tt.want)
				}
			})
		})
	}
}

// TestEndsKeepTheTrace has ends that no handler has sent belong to the trace of their
// request.
func TestEndsKeepTheTrace(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		s := newService(t, "server", d)
		s.Handle("/nothing", reply(nil))
		s.Handle("/taken", reply(&asynccalls.Error{Status: 409, Message: "taken"}))
		listen(t, s)
		client := newService(t, "client", d)
		var ends list
		client.HandleResponses("server", "/{what}", func(_ context.Context, r *asynccalls.Response) error {
			ends.add(fmt.Sprintf("%s %d %v", r.Endpoint, r.Status, r.Header))
			return nil
		}, asynccalls.WithEnds())
		listen(t, client)
		var want []string
		for endpoint, status := range map[string]int{"/nothing": 200, "/taken": 409} {
			r := asynccalls.NewRequest("server", endpoint, nil)
			r.Header = asynccalls.Header{{"traceparent", "00-1-2-01"}, {"password", "hunter2"}, {"tracestate", "a=b"}}
			sendAs(t, client, "durable", r)
			elapse(time.Second)
			want = append(want, fmt.Sprintf("%s %d [{traceparent 00-1-2-01} {tracestate a=b}]", endpoint, status))
		}
		if diff := cmp.Diff(want, ends.all()); diff != "" {
			t.Errorf("ends (-want +got):\n%s", diff)
		}
	})
}

// TestHeaderWithoutKey is refused, and the error does not say its value (5.3).
func TestHeaderWithoutKey(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		r := asynccalls.NewRequest("server", "/e", nil)
		r.Header = asynccalls.Header{{"a", "b"}, {"", "hunter2"}}
		err := newService(t, "client", d).Notify(t.Context(), r)
		if err == nil || !strings.HasSuffix(err.Error(), "header 1 has no key") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("sent, and got %v", err)
		}
	})
}

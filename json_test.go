package asynccalls_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
)

// number is what the JSON handlers of these tests work with.
type number struct{ N int }

func jsonServer(t *testing.T, d driver.Driver) *asynccalls.Service {
	t.Helper()
	s := newService(t, "server", d)
	asynccalls.HandleJSON(s, "/twice", func(_ context.Context, in number) (number, error) {
		if in.N < 0 {
			return number{}, &asynccalls.Error{Status: 422, Message: "negative"}
		}
		return number{2 * in.N}, nil
	})
	asynccalls.HandleJSON(s, "/func", func(context.Context, number) (func(), error) { return func() {}, nil })
	asynccalls.StreamJSON(s, "/count", func(_ context.Context, in number, send func(number) error) error {
		for i := range in.N {
			if err := send(number{i}); err != nil {
				return err
			}
		}
		return nil
	})
	s.Handle("/garbage", reply(nil, "{"))
	listen(t, s)
	return s
}

func TestJSON(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		jsonServer(t, d)
		client := newService(t, "client", d)
		ctx := t.Context()
		key := func(r *asynccalls.Request) { r.Key = "k" }
		if got, err := asynccalls.CallOneJSON[number](ctx, client, "server", "/twice", number{21}, key); got.N != 42 || err != nil {
			t.Errorf("got %v and %v, want 42", got, err)
		}
		var got []int
		for n, err := range asynccalls.CallJSON[number](ctx, client, "server", "/count", number{3}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, n.N)
		}
		if diff := cmp.Diff([]int{0, 1, 2}, got); diff != "" {
			t.Errorf("values (-want +got):\n%s", diff)
		}
		requests := read(t, d, "server.requests")
		if k := string(requests[0].Key) + string(requests[1].Key); k != "k" {
			t.Errorf("keys are %q, want one that was edited", k)
		}
		for _, r := range append(requests, read(t, d, "client.replies")...) {
			if r.Value != nil && (len(r.Headers) != 2 || r.Headers[1].Key != "content-type") {
				t.Errorf("headers are %v, want a content type", r.Headers)
			}
		}
	})
}

func TestJSONErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		endpoint string
		in       any
		status   int
		want     string
	}{
		"status":             {"/twice", number{-1}, 422, "negative"},
		"undecodable":        {"/twice", "text", 400, "body is not valid: "},
		"stream undecodable": {"/count", "text", 400, "body is not valid: "},
		"cannot encode":      {"/twice", func() {}, 0, "call server/twice: encode the request: "},
		"server cannot":      {"/func", number{}, 500, "internal error"},
		"cannot decode":      {"/garbage", number{}, 0, "call server/garbage: decode response 0: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world(t, func(t *testing.T, d *faulty) {
				jsonServer(t, d)
				client := newService(t, "client", d)
				_, one := asynccalls.CallOneJSON[number](t.Context(), client, "server", tt.endpoint, tt.in)
				var many error
				for _, err := range asynccalls.CallJSON[number](t.Context(), client, "server", tt.endpoint, tt.in) {
					many = err
				}
				for _, err := range []error{one, many} {
					var e *asynccalls.Error
					if tt.status != 0 && (!errors.As(err, &e) || e.Status != tt.status) {
						t.Errorf("got %v, want status %d", err, tt.status)
					}
					if err == nil || !strings.Contains(err.Error(), tt.want) {
						t.Errorf("got %v, want %q in it", err, tt.want)
					}
				}
				if n := len(read(t, d, "server.dead")); n != 0 {
					t.Errorf("%d awaited requests are dead letters, want none", n)
				}
			})
		})
	}
}

func TestCallJSONCanBeLeft(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		jsonServer(t, d)
		client := newService(t, "client", d)
		for n, err := range asynccalls.CallJSON[number](t.Context(), client, "server", "/count", number{3}) {
			if n.N != 0 || err != nil {
				t.Errorf("got %v and %v, want the first value", n, err)
			}
			break
		}
		synctest.Wait()
		if n := client.PendingCalls(); n != 0 {
			t.Errorf("%d calls are pending, want none", n)
		}
	})
}

func TestHandleResponsesJSON(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		jsonServer(t, d)
		client := newService(t, "client", d)
		var got list
		asynccalls.HandleResponsesJSON(client, "server", "/{rest...}",
			func(_ context.Context, r *asynccalls.Response, n number) error {
				if failure := r.Err(); failure != nil {
					got.add(failure.Error())
				} else {
					got.add(strings.Repeat("I", n.N) + ".")
				}
				return nil
			}, asynccalls.WithEnds())
		listen(t, client)
		if err := client.Send(t.Context(),
			asynccalls.NewRequest("server", "/count", []byte(`{"N":3}`)),
			asynccalls.NewRequest("server", "/twice", []byte(`{"N":-1}`)),
			asynccalls.NewRequest("server", "/garbage", nil),
		); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		want := []string{".", ".", ".", "I.", "II.", "status 422: negative"} // two of them are ends
		if diff := cmp.Diff(want, got.sorted()); diff != "" {
			t.Errorf("values (-want +got):\n%s", diff)
		}
		if n := len(read(t, d, "client.dead")); n != 1 {
			t.Errorf("%d responses are dead letters, want the one that is garbage", n)
		}
	})
}

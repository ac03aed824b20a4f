package asynccalls_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
)

// TestFirstCallsOnFreshClients makes many clients call at the moment they are
// made: a reply that arrives before the lane is positioned would be lost (3.3).
func TestFirstCallsOnFreshClients(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		serve(t, d, "server", "/e", reply(nil, "a"))
		for i := range 200 {
			client := newService(t, "client", d, asynccalls.WithReplyOrdinal(i))
			r, err := client.CallOne(t.Context(), asynccalls.NewRequest("server", "/e", nil))
			if err != nil {
				t.Fatalf("client %d: %v", i, err)
			}
			if r.Source.Partition != int32(i%8) { //nolint:gosec // small
				t.Fatalf("client %d was answered in partition %d, want %d", i, r.Source.Partition, i%8)
			}
		}
	})
}

// TestManyCallsAtOnce mixes calls from many goroutines; each gets its own
// response.
func TestManyCallsAtOnce(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		serve(t, d, "server", "/e", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
			return w.Send(ctx, asynccalls.NewResponse(r.Body))
		})
		client := newService(t, "client", d)
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				for k := range 20 {
					body := fmt.Sprintf("%d/%d", i, k)
					r, err := client.CallOne(t.Context(), asynccalls.NewRequest("server", "/e", []byte(body)))
					if err != nil || string(r.Body) != body {
						t.Errorf("call %q got %v, error %v", body, r, err)
					}
				}
			})
		}
		wg.Wait()
	})
}

// TestCallsBeforeTheLane makes more calls than may wait for a broker that is
// away: the next one waits, not longer than its context.
func TestCallsBeforeTheLane(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		d.onTopics(func() error { return errors.New("away") })
		client := newService(t, "client", d)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range 1 << 16 {
			client.Call(t.Context(), asynccalls.NewRequest("server", "/e", nil))
		}
		returned := make(chan *asynccalls.Call)
		go func() { returned <- client.Call(ctx, asynccalls.NewRequest("server", "/e", nil)) }()
		synctest.Wait()
		select {
		case <-returned:
			t.Error("the call did not wait")
		default:
		}
		cancel()
		if _, err := collect(<-returned); !errors.Is(err, context.Canceled) {
			t.Errorf("call ended with %v, want context.Canceled", err)
		}
		go func() { returned <- client.Call(t.Context(), asynccalls.NewRequest("server", "/e", nil)) }()
		synctest.Wait()
		if err := client.Close(); err != nil {
			t.Error(err)
		}
		if _, err := collect(<-returned); !errors.Is(err, asynccalls.ErrClosed) {
			t.Errorf("call ended with %v, want ErrClosed", err)
		}
	})
}

// TestRedeliveredRequestIsAnsweredOnce lets two runs answer one call, as after a
// crash between the responses and the commit (3.2).
func TestRedeliveredRequestIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		other []string // what the other run answers
		want  []string
		err   error
	}{
		"equal":     {[]string{"a", "b", "c"}, []string{"a", "b", "c"}, nil},
		"different": {[]string{"a", "x", "y"}, []string{"a", "b"}, asynccalls.ErrRestarted},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world(t, func(t *testing.T, d *faulty) {
				// The first run stalls after two responses; the test hands its
				// request to the server once more.
				stalled := make(chan struct{})
				defer close(stalled)
				run := 0
				serve(t, d, "server", "/e", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
					run++
					if run == 1 {
						if err := reply(nil, "a", "b")(ctx, w, r); err != nil {
							return err
						}
						<-stalled
						return nil
					}
					return reply(nil, tt.other...)(ctx, w, r)
				})
				client := newService(t, "client", d)
				call := client.Call(t.Context(), asynccalls.NewRequest("server", "/e", nil))
				synctest.Wait()
				again := read(t, d, "server.requests")[0]
				publish(t, d, driver.Record{Topic: again.Topic, Partition: -1, Headers: again.Headers})
				bodies, err := collect(call)
				if diff := cmp.Diff(tt.want, bodies); diff != "" || !errors.Is(err, tt.err) {
					t.Errorf("ended with %v, want %v; responses (-want +got):\n%s", err, tt.err, diff)
				}
			})
		})
	}
}

// TestBadResponsesAreSkipped puts garbage and responses of others where a client
// gets its own (1.4).
func TestBadResponsesAreSkipped(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		proceed := make(chan struct{})
		serve(t, d, "server", "/e", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
			<-proceed
			return reply(nil, "a")(ctx, w, r)
		})
		client := newService(t, "client", d, asynccalls.WithReplyOrdinal(3))
		req := asynccalls.NewRequest("server", "/e", nil)
		call := client.Call(t.Context(), req)
		synctest.Wait()
		token := lastField(read(t, d, "server.requests")[0].Headers[0].Value)
		for _, ac := range []string{
			"", "garbage", "2 r x", "1 r " + token, "1 r " + token + " other-request.r.0 e",
			"1 r 3.Foreign.0.1 " + req.ID + ".r.0 e", "1 c id /e client 1000 " + token,
		} {
			publish(t, d, driver.Record{
				Topic: "client.replies", Partition: 3, Value: []byte("bad"),
				Headers: []driver.Header{{Key: "ac", Value: []byte(ac)}},
			})
		}
		publish(t, d, driver.Record{Topic: "client.replies", Partition: 3, Value: []byte("no header")})
		close(proceed)
		bodies, err := collect(call)
		if diff := cmp.Diff([]string{"a"}, bodies); diff != "" || err != nil {
			t.Errorf("ended with %v; responses (-want +got):\n%s", err, diff)
		}
	})
}

func lastField(ac []byte) string { return string(ac[strings.LastIndexByte(string(ac), ' ')+1:]) }

package asynccalls_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/internal/wire"
)

var errBroken = errors.New("broken")

// sendAs sends a request in one of the three ways, and returns how that ended.
func sendAs(t *testing.T, client *asynccalls.Service, mode string, r *asynccalls.Request) (end string) {
	t.Helper()
	var err error
	switch mode {
	case "awaited":
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		bodies, err := collect(client.Call(ctx, r))
		if e, ok := errors.AsType[*asynccalls.Error](err); ok {
			return e.Error()
		}
		return fmt.Sprint(bodies, err)
	case "durable":
		err = client.Send(t.Context(), r)
	default:
		err = client.Notify(t.Context(), r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return ""
}

// TestVerdicts goes through what a handler can return, and who asked (the table
// of 2.5): how often it runs, what the caller is told, and whether there is a
// dead letter.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	type want struct {
		runs int
		end  string
		dead int
	}
	taken, full := &asynccalls.Error{Status: 409, Message: "taken"}, &asynccalls.Error{Status: 503, Message: "full"}
	const plain, ok = "status 500: internal error", "[] <nil>"
	tests := map[string]struct {
		err                      error
		awaited, durable, oneWay want
	}{
		"status below 500": {taken, want{1, taken.Error(), 0}, want{1, taken.Error(), 0}, want{1, "", 1}},
		"plain":            {errBroken, want{1, plain, 0}, want{5, plain, 1}, want{5, "", 1}},
		"status from 500":  {full, want{1, full.Error(), 0}, want{5, full.Error(), 1}, want{5, "", 1}},
		"permanent": {
			asynccalls.Permanent(errBroken),
			want{1, plain, 0},
			want{1, plain, 0},
			want{1, "", 1},
		},
		"permanent status": {
			fmt.Errorf("wrapped: %w", asynccalls.Permanent(full)),
			want{1, full.Error(), 0},
			want{1, full.Error(), 0},
			want{1, "", 1},
		},
		"drop":        {asynccalls.Drop(errBroken), want{1, ok, 0}, want{1, "end", 0}, want{1, "", 0}},
		"retry after": {asynccalls.RetryAfter(time.Second, errBroken), want{1, plain, 0}, want{5, plain, 1}, want{5, "", 1}},
		"outermost": {
			asynccalls.Drop(asynccalls.RetryAfter(time.Second, errBroken)),
			want{1, ok, 0},
			want{1, "end", 0},
			want{1, "", 0},
		},
		"of nothing": {
			errors.Join(asynccalls.Permanent(nil), asynccalls.Drop(nil), asynccalls.RetryAfter(1, nil), asynccalls.Unavailable(nil)),
			want{1, ok, 0},
			want{1, "end", 0},
			want{1, "", 0},
		},
	}
	for name, tt := range tests {
		for mode, want := range map[string]want{"awaited": tt.awaited, "durable": tt.durable, "one-way": tt.oneWay} {
			t.Run(name+" "+mode, func(t *testing.T) {
				t.Parallel()
				world(t, func(t *testing.T, d *faulty) {
					var runs []int
					serve(t, d, "server", "/e", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
						runs = append(runs, r.Attempt)
						return tt.err
					})
					client := newService(t, "client", d)
					ends := gather(client, asynccalls.WithEnds())
					listen(t, client)
					end := sendAs(t, client, mode, asynccalls.NewRequest("server", "/e", nil))
					elapse(2 * time.Minute)
					if mode == "durable" {
						if len(*ends) != 1 {
							t.Fatalf("ends are %q, want one", *ends)
						}
						end = (*ends)[0]
					}
					if end != want.end {
						t.Errorf("the end is %q, want %q", end, want.end)
					}
					if diff := cmp.Diff([]int{1, 2, 3, 4, 5}[:want.runs], runs); diff != "" {
						t.Errorf("attempts (-want +got):\n%s", diff)
					}
					if n := len(read(t, d, "server.dead")); n != want.dead {
						t.Errorf("%d dead letters, want %d", n, want.dead)
					}
				})
			})
		}
	}
}

// TestRetryTimes checks when the attempts are made and what the dead letter says
// of them (2.5, 2.6).
func TestRetryTimes(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		s := newService(t, "server", d, asynccalls.Retry{Attempts: 9})
		var at []time.Time
		s.Handle("/e", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
			at = append(at, time.Now())
			return errBroken
		}, asynccalls.Retry{Attempts: 6, Backoff: time.Second, MaxBackoff: 4 * time.Second})
		listen(t, s)
		client := newService(t, "client", d)
		sendAs(t, client, "one-way", asynccalls.NewRequest("server", "/e", nil))
		elapse(time.Minute)
		if len(at) != 6 {
			t.Fatalf("%d attempts, want 6", len(at))
		}
		for i, seconds := range []int{1, 2, 4, 4, 4} {
			most := time.Duration(seconds) * time.Second
			if took := at[i+1].Sub(at[i]); took < most/2 || took > most {
				t.Errorf("attempt %d came after %v, want between %v and %v", i+2, took, most/2, most)
			}
		}
		letters := read(t, d, "server.dead")
		if len(letters) != 1 {
			t.Fatalf("%d dead letters, want 1", len(letters))
		}
		dead, err := wire.DecodeDead(letters[0].Headers[len(letters[0].Headers)-2].Value)
		if err != nil {
			t.Fatal(err)
		}
		near := func(a, b time.Time) bool { return a.Sub(b).Abs() <= time.Millisecond }
		if dead.Attempts != 6 || !near(dead.First, at[0]) || !near(dead.Last, at[5]) {
			t.Errorf("dead letter tells of %d attempts from %v to %v, want 6 from %v to %v",
				dead.Attempts, dead.First, dead.Last, at[0], at[5])
		}
	})
}

// TestRetryHoldsUpItsKeyAlone has one request wait for its next attempt: it holds
// no worker, and only its own key (2.4).
func TestRetryHoldsUpItsKeyAlone(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		s := newService(t, "server", d, asynccalls.Limits{Concurrency: 1}, asynccalls.Topics{Partitions: 1})
		var handled list
		var first, second atomic.Int64
		s.Handle("/e", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
			handled.add(fmt.Sprint(string(r.Body), r.Attempt))
			if string(r.Body) != "a" {
				return nil
			}
			first.CompareAndSwap(0, time.Now().UnixNano())
			if r.Attempt == 2 {
				second.Store(time.Now().UnixNano())
			}
			if r.Attempt < 3 {
				return asynccalls.RetryAfter(10*time.Second+time.Millisecond, errBroken)
			}
			return nil
		})
		listen(t, s)
		client := newService(t, "client", d)
		var batch []*asynccalls.Request
		for _, body := range []string{"a", "b", "A", "c", "B"} {
			r := asynccalls.NewRequest("server", "/e", []byte(body))
			r.Key = map[string]string{"a": "a", "A": "a", "b": "b", "B": "b"}[body]
			batch = append(batch, r)
		}
		if err := client.Notify(t.Context(), batch...); err != nil {
			t.Fatal(err)
		}
		elapse(15 * time.Second)
		if diff := cmp.Diff([]string{"a1", "b1", "c1", "B1", "a2"}, handled.all()); diff != "" {
			t.Errorf("handled while one waits (-want +got):\n%s", diff)
		}
		if got := d.committed(); len(got) != 0 {
			t.Errorf("committed %v beyond the one that waits", got)
		}
		elapse(15 * time.Second)
		if diff := cmp.Diff([]string{"a3", "A1"}, handled.all()[5:]); diff != "" {
			t.Errorf("handled later (-want +got):\n%s", diff)
		}
		if took := time.Duration(second.Load() - first.Load()); took != 10*time.Second+time.Millisecond {
			t.Errorf("the second attempt came after %v, want exactly what was asked for", took)
		}
		if got := d.committed(); len(got) == 0 || got[len(got)-1].Offset != 5 {
			t.Errorf("committed %v, want all five", got)
		}
	})
}

// TestRetryIsOnTime wants each attempt at its time, also if that is soon.
func TestRetryIsOnTime(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		var at []time.Time
		serve(t, d, "server", "/e", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
			at = append(at, time.Now())
			return asynccalls.RetryAfter(time.Duration(r.Attempt)*time.Millisecond, errBroken)
		})
		client := newService(t, "client", d)
		sendAs(t, client, "one-way", asynccalls.NewRequest("server", "/e", nil))
		elapse(time.Second)
		for i := range len(at) - 1 {
			if took, want := at[i+1].Sub(at[i]), time.Duration(i+1)*time.Millisecond; took != want {
				t.Errorf("attempt %d came after %v, want %v", i+2, took, want)
			}
		}
		if len(at) != 5 {
			t.Errorf("%d attempts, want 5", len(at))
		}
	})
}

// TestRetryIsForgottenWithItsPartition moves a request that waits for its next
// attempt to another instance, and ends a service with one: no attempt is burnt
// and no end sent (2.5, 2.9).
func TestRetryIsForgottenWithItsPartition(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		var attempts [3]atomic.Int32
		instance := func(i int) *asynccalls.Service {
			s := newService(t, "server", d, asynccalls.Topics{Partitions: 1})
			s.Handle("/e", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
				attempts[i].Store(int32(r.Attempt)) //nolint:gosec // small
				if i == 2 {
					return nil
				}
				return asynccalls.RetryAfter(20*time.Second, errBroken)
			})
			listen(t, s)
			return s
		}
		first := instance(0)
		client := newService(t, "client", d)
		gather(client)
		sendAs(t, client, "durable", asynccalls.NewRequest("server", "/e", nil))
		elapse(30 * time.Second)
		begin := time.Now()
		if err := first.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took > time.Second {
			t.Errorf("Close took %v: it waited for an attempt", took)
		}
		second := instance(1)
		elapse(30 * time.Second)
		third := instance(2)
		if err := second.Close(); err != nil {
			t.Error(err)
		}
		elapse(time.Minute)
		if a, b, c := attempts[0].Load(), attempts[1].Load(), attempts[2].Load(); a != 2 || b != 2 || c != 1 {
			t.Errorf("last attempts are %d, %d, %d, want 2, 2, 1", a, b, c)
		}
		if n := len(read(t, d, "client.responses")); n != 1 {
			t.Errorf("%d ends, want that of the last instance", n)
		}
		if n := len(read(t, d, "server.dead")); n != 0 {
			t.Errorf("%d dead letters, want none", n)
		}
		_ = third
	})
}

// TestRetryIsARunOfItsOwn keeps the writer and the context of a failed attempt,
// and uses them during the next one (3.2).
func TestRetryIsARunOfItsOwn(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		var early asynccalls.ResponseWriter
		var earlyCtx context.Context
		serve(t, d, "server", "/e", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
			if r.Attempt == 1 {
				early, earlyCtx = w, ctx
				return errors.Join(w.Send(ctx, asynccalls.NewResponse([]byte("first"))), errBroken)
			}
			if err := early.Send(ctx, asynccalls.NewResponse(nil)); !errors.Is(err, asynccalls.ErrClosed) {
				t.Errorf("the writer of the first attempt returned %v, want ErrClosed", err)
			}
			if earlyCtx.Err() == nil || asynccalls.RequestFrom(earlyCtx).Attempt != 1 {
				t.Error("the context of the first attempt has changed")
			}
			return w.Send(ctx, asynccalls.NewResponse([]byte("second")))
		})
		client := newService(t, "client", d)
		runs := map[string][]string{}
		client.HandleResponses("server", "/e", func(_ context.Context, r *asynccalls.Response) error {
			runs[r.Run] = append(runs[r.Run], fmt.Sprint(r.Seq, string(r.Body)))
			return nil
		})
		listen(t, client)
		sendAs(t, client, "durable", asynccalls.NewRequest("server", "/e", nil))
		elapse(time.Minute)
		var got []string
		for _, responses := range runs {
			got = append(got, fmt.Sprint(responses))
		}
		if len(got) != 2 {
			t.Errorf("responses by run are %q, want two runs", got)
		}
		if len(read(t, d, "server.dead")) != 0 {
			t.Error("there is a dead letter")
		}
	})
}

// TestRetryOfAwaited tries awaited requests again if the endpoint says so.
func TestRetryOfAwaited(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		s := newService(t, "server", d)
		succeeds := 3
		s.Handle("/e", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
			if err := w.Send(ctx, asynccalls.NewResponse([]byte("a"))); err != nil || r.Attempt < succeeds {
				return errors.Join(err, errBroken)
			}
			return w.Send(ctx, asynccalls.NewResponse([]byte("b")))
		}, asynccalls.Retry{Awaited: true})
		listen(t, s)
		client := newService(t, "client", d)
		if end := sendAs(t, client, "awaited", asynccalls.NewRequest("server", "/e", nil)); end != "[a b] <nil>" {
			t.Errorf("the call ended with %s, want each response once", end)
		}
		succeeds = 9
		if end := sendAs(t, client, "awaited", asynccalls.NewRequest("server", "/e", nil)); end != "status 500: internal error" {
			t.Errorf("the call ended with %s, want its failure", end)
		}
		if n := len(read(t, d, "server.dead")); n != 1 {
			t.Errorf("%d dead letters, want that of the call that failed", n)
		}
	})
}

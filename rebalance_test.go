package asynccalls_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
)

// TestInstancesComeAndGo adds and ends instances under load: each request is
// handled, per key in order if repeats are left out (2.3, 2.7, 2.9).
func TestInstancesComeAndGo(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	world(t, func(t *testing.T, d *faulty) {
		const keys = 8
		var mu sync.Mutex // guards next
		var next [keys]int
		start := func() *asynccalls.Service {
			s := newService(t, "server", d)
			s.Handle("/e", func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
				key, _ := strconv.Atoi(r.Key)
				nr, _ := strconv.Atoi(string(r.Body))
				pass(time.Duration((7*nr+key)%20) * time.Millisecond)
				mu.Lock()
				defer mu.Unlock()
				if nr > next[key] {
					t.Errorf("key %d: handled number %d before %d", key, nr, next[key])
				}
				next[key] = max(next[key], nr+1)
				return nil
			})
			listen(t, s)
			return s
		}
		instances := []*asynccalls.Service{start()}
		client := newService(t, "client", d)
		var sent [keys]int
		for range 100 {
			for range 10 {
				key := random.IntN(keys)
				r := asynccalls.NewRequest("server", "/e", []byte(strconv.Itoa(sent[key])))
				r.Key = strconv.Itoa(key)
				sent[key]++
				if err := client.Notify(t.Context(), r); err != nil {
					t.Fatal(err)
				}
			}
			switch {
			case len(instances) < 2 || len(instances) < 5 && random.IntN(2) == 0:
				instances = append(instances, start())
			default:
				i := random.IntN(len(instances))
				if err := instances[i].Close(); err != nil {
					t.Errorf("close an instance: %v", err)
				}
				instances = append(instances[:i], instances[i+1:]...)
			}
		}
		pass(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if next != sent {
			t.Errorf("handled %v, want %v", next, sent)
		}
	})
}

// TestRevokeCommitsWhatIsDone moves partitions before the next commit is due:
// what is done is not handled again (2.7).
func TestRevokeCommitsWhatIsDone(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		var handled list
		note := func(_ context.Context, _ asynccalls.ResponseWriter, r *asynccalls.Request) error {
			handled.add(string(r.Body))
			return nil
		}
		serve(t, d, "server", "/e", note)
		client := newService(t, "client", d)
		var want []string
		for i := range 9 {
			want = append(want, strconv.Itoa(i))
			if err := client.Notify(t.Context(), asynccalls.NewRequest("server", "/e", []byte(want[i]))); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		serve(t, d, "server", "/e", note)
		pass(time.Minute)
		if diff := cmp.Diff(want, handled.sorted()); diff != "" {
			t.Errorf("handled (-want +got):\n%s", diff)
		}
	})
}

// TestRevokeWaitsForHandlersAndNoLonger has a second instance join while a handler
// of the first runs: its partitions move when the handler has ended (2.7).
func TestRevokeWaitsForHandlersAndNoLonger(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		var runs atomic.Int32
		serve(t, d, "server", "/e", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
			runs.Add(1)
			pass(2 * time.Second)
			return nil
		})
		client := newService(t, "client", d)
		send := func() {
			for range 20 {
				sendAs(t, client, "one-way", asynccalls.NewRequest("server", "/e", nil))
			}
		}
		send()
		synctest.Wait()
		begin := time.Now()
		moved := make(chan time.Duration, 1)
		serve(t, d, "server", "/e", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
			runs.Add(1)
			select {
			case moved <- time.Since(begin):
			default:
			}
			return nil
		})
		send()
		if took := <-moved; took < time.Second || took > 4*time.Second {
			t.Errorf("the partitions moved after %v, want two seconds", took)
		}
		pass(time.Minute)
		if n := runs.Load(); n != 40 {
			t.Errorf("%d runs, want each request once", n)
		}
	})
}

// TestStragglersAreCutOff makes a second instance take over while a handler of
// the first does not stop (2.7).
func TestStragglersAreCutOff(t *testing.T) {
	t.Parallel()
	world(t, func(t *testing.T, d *faulty) {
		first := newStubborn(t, "server", d, asynccalls.Limits{Grace: time.Second})
		var mu sync.Mutex // guards what follows
		var cause, sendErr error
		var cut int
		first.Handle("/e", func(ctx context.Context, w asynccalls.ResponseWriter, _ *asynccalls.Request) error {
			<-ctx.Done()
			mu.Lock()
			defer mu.Unlock()
			cut++
			cause = context.Cause(ctx)
			sendErr = w.Send(ctx, asynccalls.NewResponse([]byte("late")))
			return nil
		}, asynccalls.Limits{Handler: time.Hour})
		listen(t, first)
		client := newService(t, "client", d)
		gather(client)
		for i := range 40 {
			r := asynccalls.NewRequest("server", "/e", nil)
			r.Key = strconv.Itoa(i)
			if err := client.Send(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		var again atomic.Int32
		second := newService(t, "server", d)
		second.Handle("/e", func(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error {
			again.Add(1)
			return nil
		})
		listen(t, second)
		pass(10 * time.Second)
		mu.Lock()
		if cut == 0 || !errors.Is(cause, asynccalls.ErrRevoked) || !errors.Is(sendErr, asynccalls.ErrRevoked) {
			t.Errorf("%d handlers were cut off, with cause %v; sending gave %v", cut, cause, sendErr)
		}
		if int(again.Load()) != cut {
			t.Errorf("the second instance handled %d, want the %d that were cut off", again.Load(), cut)
		}
		if n := len(read(t, d, "client.responses")); n != int(again.Load()) {
			t.Errorf("there are %d ends, want those of the second instance, %d", n, again.Load())
		}
		mu.Unlock()
		if err := first.Close(); err == nil {
			t.Error("the first instance ended well although handlers run")
		}
	})
}

package acurl

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver/franz"
	"github.com/asynccalls/asynccalls/embedded"
)

// loaded serves shop/price on a broker of its own, and returns its address. Each request
// is shown to see.
func loaded(t *testing.T, see func(*asynccalls.Request)) string {
	t.Helper()
	b, err := embedded.Start(embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	d, err := franz.Open(b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	s, err := asynccalls.New("shop", d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	s.Handle("/price", func(ctx context.Context, w asynccalls.ResponseWriter, r *asynccalls.Request) error {
		see(r)
		return w.Send(ctx, asynccalls.NewResponse([]byte("4")))
	})
	go s.Listen(context.WithoutCancel(t.Context())) // Close ends it
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b.Addr()
}

// TestBench counts the calls of a bench: one before all others, those of the warm-up,
// and those that are measured, over as many keys.
func TestBench(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	keys := map[string]int{}
	address := loaded(t, func(r *asynccalls.Request) {
		mu.Lock()
		defer mu.Unlock()
		keys[r.Key]++
	})
	for _, warmup := range []string{"0s", "100ms"} {
		clear(keys)
		var out, said bytes.Buffer
		code := run(t.Context(), []string{
			"bench", "shop/price", "-b", address, "--requests", "60", "--in-flight", "4", "--keys", "3", "--warmup", warmup, "--json",
		}, &streams{strings.NewReader(""), &out, &said})
		var r report
		if err := json.Unmarshal(out.Bytes(), &r); err != nil || code != exitOK || r.Calls != 60 || r.Failed != 0 {
			t.Fatalf("code %d, %v, said %q, wrote\n%s", code, err, said.String(), out.String())
		}
		mu.Lock()
		sum := 0
		for _, n := range keys {
			sum += n
		}
		if diff := cmp.Diff([]string{"", "0", "1", "2"}, slices.Sorted(maps.Keys(keys))); diff != "" || keys[""] != 1 {
			t.Errorf("requests by key are %v, want one without a key, and three keys", keys)
		}
		if warm := sum - 61; warm < 0 || (warm > 0) != (warmup != "0s") {
			t.Errorf("warm-up of %s made %d calls", warmup, warm)
		}
		mu.Unlock()
	}
}

// TestInterrupted interrupts loads: what is known then is written.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"bench":  {"bench", "shop/price", "--warmup", "0s", "--duration", "1h", "--in-flight", "2"},
		"repeat": {"shop/price", "-n", "1000000", "--parallel", "2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var mu sync.Mutex
			seen := 0
			address := loaded(t, func(*asynccalls.Request) {
				mu.Lock()
				defer mu.Unlock()
				if seen++; seen == 100 {
					cancel()
				}
			})
			var out, said bytes.Buffer
			code := run(ctx, append(args, "-b", address), &streams{strings.NewReader(""), &out, &said})
			if code != exitInterrupted || !strings.HasSuffix(said.String(), "acurl: interrupted\n") {
				t.Errorf("code %d, said %q, want %d and that it was interrupted", code, said.String(), exitInterrupted)
			}
			found := regexp.MustCompile(`calls +([0-9]+) |([0-9]+) calls, 0 failed, in`).FindStringSubmatch(out.String() + said.String())
			if found == nil || strings.Contains(out.String(), "failed") {
				t.Fatalf("wrote %.500q, said %q, want how many calls there were, and none that failed", out.String(), said.String())
			}
			if calls, _ := strconv.Atoi(found[1] + found[2]); calls < 95 || calls > 102 {
				t.Errorf("%d calls ended well, want nearly as many as were seen", calls)
			}
		})
	}
}

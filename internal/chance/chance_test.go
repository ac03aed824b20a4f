package chance_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/asynccalls/asynccalls/internal/chance"
)

// TestPredict finds chance predictable in a bubble, and only there and then.
//
//nolint:paralleltest // chance is that of the process
func TestPredict(t *testing.T) {
	draw := func() string {
		ids := chance.NewIDs("run", 6)
		return strings.Join([]string{
			string(chance.AppendRequestID(nil)), string(chance.AppendRequestID(nil)),
			string(ids.Append(nil)), string(ids.Append(nil)), chance.Word("lane", 11), chance.Word("lane", 11),
		}, " ")
	}
	const want = "req-1 req-2 run1 run2 lane1 lane2"
	for range 2 {
		restore := chance.Predict()
		synctest.Test(t, func(t *testing.T) {
			if got := draw(); got != want {
				t.Errorf("drew %q, want %q", got, want)
			}
			if f, n := chance.Float64(), chance.Int32N(100); f != 1 || n != 0 {
				t.Errorf("drew %v and %v, want 1 and 0", f, n)
			}
		})
		if got := draw(); strings.Contains(got, "req-") || strings.Contains(got, "run") {
			t.Errorf("drew %q outside of the bubble", got)
		}
		restore()
		synctest.Test(t, func(t *testing.T) {
			if got := draw(); strings.Contains(got, "req-") {
				t.Errorf("drew %q afterwards", got)
			}
		})
	}
}

// TestIDs draws all different IDs, of the length that is asked for.
func TestIDs(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	a, b := chance.NewIDs("", 6), chance.NewIDs("", 6)
	for range 10_000 {
		seen[string(a.Append(nil))] = true
		seen[string(b.Append(nil))] = true
		seen[string(chance.AppendRequestID(nil))] = true
	}
	if len(seen) != 30_000 {
		t.Errorf("%d IDs are different, want 30000", len(seen))
	}
	for _, n := range []int{1, 10, 11, 25} {
		if got := chance.Word("", n); len(got) != n {
			t.Errorf("the word %q has not %d characters", got, n)
		}
	}
	if got := chance.AppendRequestID([]byte("x")); got[0] != 'x' || len(got) > 1+chance.MaxRequestID {
		t.Errorf("appended %q", got)
	}
	var sum float64
	for range 1000 {
		f, n := chance.Float64(), chance.Int32N(3)
		if f < 0 || f >= 1 || n < 0 || n > 2 {
			t.Fatalf("drew %v and %v", f, n)
		}
		sum += f
	}
	if sum < 300 || sum > 700 {
		t.Errorf("the mean is %v", sum/1000)
	}
}

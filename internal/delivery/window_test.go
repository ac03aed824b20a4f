package delivery_test

import (
	"math/rand/v2"
	"testing"

	"github.com/asynccalls/asynccalls/internal/delivery"
)

// TestWindowModel compares a window with the plainest model of the rule: what is
// committed is the offset below which every delivered record is done.
func TestWindowModel(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		w := delivery.NewWindow(delivery.Bound{Records: 1 << 20, Bytes: 1 << 40})
		var entries []*delivery.Entry
		var offsets []int64
		offset := int64(0)
		for range 200 {
			if random.IntN(2) == 0 || len(entries) == 0 {
				offset += 1 + random.Int64N(3) // gaps, as compaction leaves them
				e := w.Add(offset, 7, 10)
				entries, offsets = append(entries, e), append(offsets, offset)
			} else {
				w.Done(entries[random.IntN(len(entries))])
			}
			w.Advance()
			want, pending := int64(0), 0
			for i, e := range entries {
				if !e.IsDone() {
					pending = len(entries) - i
					break
				}
				want = offsets[i] + 1
			}
			got, _, ok := w.Uncommitted()
			if ok != (want > 0) || got != want {
				t.Fatalf("commit point is %d (%t), want %d", got, ok, want)
			}
			if w.Len() != pending {
				t.Fatalf("window holds %d records, want %d", w.Len(), pending)
			}
		}
	}
}

func TestWindowCommitsEachPointOnce(t *testing.T) {
	t.Parallel()
	w := delivery.NewWindow(delivery.Bound{Records: 10, Bytes: 1000})
	e := w.Add(41, 3, 10)
	if _, _, ok := w.Uncommitted(); ok {
		t.Error("a record that is not done can be committed")
	}
	w.Done(e)
	w.Advance()
	offset, epoch, ok := w.Uncommitted()
	if offset != 42 || epoch != 3 || !ok {
		t.Errorf("commit point is %d in epoch %d (%t), want 42 in 3", offset, epoch, ok)
	}
	w.Committed(42)
	w.Committed(17) // an older answer that came late
	if _, _, ok := w.Uncommitted(); ok {
		t.Error("a point that was committed is to be committed again")
	}
}

func TestWindowPressureHasHysteresis(t *testing.T) {
	t.Parallel()
	tests := map[string]delivery.Bound{
		"records": {Records: 8, Bytes: 1 << 30},
		"bytes":   {Records: 1 << 30, Bytes: 8 * (1024 + 10)},
	}
	for name, bound := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := delivery.NewWindow(bound)
			var entries []*delivery.Entry
			for i := range 8 {
				if paused, _ := w.Pressure(); paused {
					t.Fatalf("paused with %d records", i)
				}
				entries = append(entries, w.Add(int64(i), 0, 10))
			}
			if paused, changed := w.Pressure(); !paused || !changed {
				t.Fatal("not paused at the bound")
			}
			for i := range 3 {
				w.Done(entries[i])
				w.Advance()
				if paused, changed := w.Pressure(); !paused || changed {
					t.Fatalf("resumed with %d records left", w.Len())
				}
			}
			w.Done(entries[3])
			w.Advance()
			if paused, changed := w.Pressure(); paused || !changed {
				t.Error("not resumed at half the bound")
			}
		})
	}
}

// TestWindowCountsWhatIsDone wants what is done behind a record that is not to
// count with its content, which may be kept, and with nothing else.
func TestWindowCountsWhatIsDone(t *testing.T) {
	t.Parallel()
	w := delivery.NewWindow(delivery.Bound{Records: 1000, Bytes: 10 * 1024})
	w.Add(0, 0, 24)
	for i := range 91 {
		if paused, _ := w.Pressure(); paused {
			t.Fatalf("paused with %d records, want 92", i+1)
		}
		e := w.Add(int64(1+i), 0, 100)
		w.Done(e)
		w.Done(e) // counts once
		w.Advance()
	}
	w.Add(92, 0, 92)
	if paused, _ := w.Pressure(); !paused {
		t.Error("not paused at the bound")
	}
}

func BenchmarkWindow(b *testing.B) {
	b.ReportAllocs()
	const inFlight = 1_000_000
	w := delivery.NewWindow(delivery.Bound{Records: 2 * inFlight, Bytes: 1 << 40})
	entries := make([]*delivery.Entry, inFlight)
	for i := range entries {
		entries[i] = w.Add(int64(i), 0, 100)
	}
	i := 0
	for b.Loop() {
		w.Done(entries[i%inFlight])
		w.Advance()
		entries[i%inFlight] = w.Add(int64(inFlight+i), 0, 100)
		i++
	}
}

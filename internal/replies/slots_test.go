package replies_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/asynccalls/asynccalls/internal/replies"
)

// precision is how late a deadline may be noticed.
const precision = 20 * time.Millisecond

type place struct{ slot, generation uint32 }

// TestSlotsModel compares the table with a map, under random additions,
// removals and steps of the clock, small and large.
func TestSlotsModel(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 50 {
		now := time.Now()
		s := replies.NewSlots[int](now)
		deadlines := make(map[int]time.Time)
		places := make(map[int]place)
		var gone []place
		for nr := range 1000 {
			switch random.IntN(4) {
			case 0, 1:
				d := now.Add(time.Duration(random.Int64N(int64(2 * time.Minute))))
				slot, generation := s.Add(nr, d)
				deadlines[nr], places[nr] = d, place{slot, generation}
			case 2:
				for nr, p := range places { // any one
					if !s.Remove(p.slot, p.generation) {
						t.Fatal("a pending call could not be removed")
					}
					gone = append(gone, p)
					delete(places, nr)
					delete(deadlines, nr)
					break
				}
			default:
				now = now.Add(step(random))
				for _, nr := range s.Expired(nil, now) {
					if d, ok := deadlines[nr]; !ok || d.After(now) {
						t.Fatalf("call %d expired %v before its deadline (pending: %t)", nr, d.Sub(now), ok)
					}
					gone = append(gone, places[nr])
					delete(places, nr)
					delete(deadlines, nr)
				}
			}
			compare(t, s, now, deadlines, places)
		}
		for _, p := range gone {
			if v, ok := s.Get(p.slot, p.generation); ok {
				t.Fatalf("call %d is found at a place it has left", v)
			}
		}
	}
}

func step(random *rand.Rand) time.Duration {
	if random.IntN(10) == 0 {
		return time.Duration(random.Int64N(int64(5 * time.Minute)))
	}
	return time.Duration(random.Int64N(int64(time.Second)))
}

func compare(t *testing.T, s *replies.Slots[int], now time.Time, deadlines map[int]time.Time, places map[int]place) {
	t.Helper()
	if s.Len() != len(places) {
		t.Fatalf("table holds %d calls, want %d", s.Len(), len(places))
	}
	next, pending := s.Next()
	if pending != (len(places) > 0) {
		t.Fatalf("table has a next deadline: %t, with %d calls", pending, len(places))
	}
	for nr, p := range places {
		if v, ok := s.Get(p.slot, p.generation); !ok || v != nr {
			t.Fatalf("call %d is found as %d (%t)", nr, v, ok)
		}
		if next.After(deadlines[nr].Add(precision)) && next.After(now.Add(precision)) {
			t.Fatalf("next look is %v after a deadline", next.Sub(deadlines[nr]))
		}
	}
}

func TestSlotsExpireInTime(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for nr, d := range []time.Duration{-time.Hour, 0, time.Millisecond, time.Second, time.Minute, time.Hour} {
		s := replies.NewSlots[int](now)
		s.Add(nr, now.Add(d))
		at := now.Add(max(d, 0) + precision)
		if got := s.Expired(nil, at); !slices.Equal(got, []int{nr}) {
			t.Errorf("calls expired at %v are %v, want %d", at.Sub(now), got, nr)
		}
		s.Add(nr, now.Add(d+time.Minute))
		if got := s.Expired(nil, now); got != nil {
			t.Errorf("calls %v expired when the clock went back", got)
		}
	}
}

func TestSlotsRefuseForeignPlaces(t *testing.T) {
	t.Parallel()
	s := replies.NewSlots[int](time.Now())
	slot, generation := s.Add(1, time.Now())
	for name, p := range map[string]place{
		"zero":             {0, 0},
		"other generation": {slot, generation + 1},
		"never used":       {slot + 1, generation},
		"far away":         {1<<32 - 1, 1},
	} {
		if _, ok := s.Get(p.slot, p.generation); ok || s.Remove(p.slot, p.generation) {
			t.Errorf("%s: a call was found at %v", name, p)
		}
	}
	if got := s.All(nil); !slices.Equal(got, []int{1}) {
		t.Errorf("pending calls are %v, want 1", got)
	}
}

func BenchmarkSlots(b *testing.B) {
	b.ReportAllocs()
	now := time.Now()
	s := replies.NewSlots[*int](now)
	v := new(int)
	for b.Loop() {
		slot, generation := s.Add(v, now.Add(30*time.Second))
		s.Get(slot, generation)
		s.Remove(slot, generation)
	}
}

package delivery_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/asynccalls/asynccalls/internal/delivery"
)

// TestSlotsModel runs random handlers, some of which wait for something else, and
// checks that no more run than may, and that each goes on.
func TestSlotsModel(t *testing.T) {
	t.Parallel()
	const limit = 3
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		s := delivery.NewSlots(limit)
		var running, away, returning []*delivery.Slot
		grant := func() {
			for i := 0; i < len(returning); {
				if !granted(returning[i]) {
					i++
					continue
				}
				running = append(running, returning[i])
				returning = slices.Delete(returning, i, i+1)
			}
		}
		take := func(from *[]*delivery.Slot) *delivery.Slot {
			i := random.IntN(len(*from))
			r := (*from)[i]
			*from = slices.Delete(*from, i, i+1)
			return r
		}
		for step := 0; step < 300 || len(running)+len(away)+len(returning) > 0; step++ {
			switch k := random.IntN(4); {
			case k == 0 && step < 300 && s.Free():
				r := &delivery.Slot{}
				s.Take(r)
				running = append(running, r)
			case k == 1 && len(running) > 0:
				s.Release(take(&running))
			case k == 2 && len(running) > 0 && step < 300:
				r := take(&running)
				s.Lend(r)
				away = append(away, r)
			case k == 3 && len(away) > 0:
				if r := take(&away); s.Return(r) {
					running = append(running, r)
				} else {
					returning = append(returning, r)
				}
			}
			grant()
			if len(running) > limit {
				t.Fatalf("%d run, want %d at most", len(running), limit)
			}
			if len(running) < limit && len(returning) > 0 {
				t.Fatalf("%d run, and %d wait for a slot", len(running), len(returning))
			}
			if s.Free() != (len(running) < limit) || s.Lent() != len(away)+len(returning) && s.Lent() != len(away) {
				t.Fatalf("free is %v with %d running, lent is %d with %d away", s.Free(), len(running), s.Lent(), len(away))
			}
		}
	}
}

func granted(r *delivery.Slot) bool {
	select {
	case <-r.Turn:
		return true
	default:
		return false
	}
}

// TestSlotsOfOneHandler wants a handler with several goroutines that wait to give
// away one slot, and to take one.
func TestSlotsOfOneHandler(t *testing.T) {
	t.Parallel()
	s := delivery.NewSlots(1)
	r, other := &delivery.Slot{}, &delivery.Slot{}
	s.Take(r)
	s.Lend(r)
	s.Lend(r)
	if !s.Free() || s.Lent() != 1 {
		t.Fatalf("free is %v and lent %d, want one slot lent", s.Free(), s.Lent())
	}
	s.Take(other)
	if !s.Return(r) {
		t.Error("a goroutine waits for a slot while another one of its handler is away")
	}
	if s.Return(r) {
		t.Error("the last goroutine goes on without a slot")
	}
	s.Lend(r) // by another goroutine, while the last one waits
	if !granted(r) {
		t.Error("the goroutine that waited is stuck")
	}
	s.Release(other)
	if !s.Return(r) || s.Free() {
		t.Error("the handler has no slot again")
	}
	s.Release(r)
	if !s.Free() {
		t.Error("the slot is lost")
	}
}

// TestSlotsAfterTheHandler wants goroutines that outlive their handler not to
// disturb the count.
func TestSlotsAfterTheHandler(t *testing.T) {
	t.Parallel()
	s := delivery.NewSlots(1)
	r, other := &delivery.Slot{}, &delivery.Slot{}
	s.Take(r)
	s.Lend(r)
	s.Release(r) // its goroutine still waits
	s.Take(other)
	if !s.Return(r) {
		t.Error("a goroutine without a handler waits for a slot")
	}
	s.Lend(r)
	if !s.Return(r) || s.Lent() != 0 {
		t.Errorf("lent is %d, want 0", s.Lent())
	}
	s.Release(other)
	if !s.Free() {
		t.Error("the slot is lost")
	}
}

// TestSlotsAbandoned wants a run that can't wait for its turn to be counted.
func TestSlotsAbandoned(t *testing.T) {
	t.Parallel()
	s := delivery.NewSlots(1)
	r, other := &delivery.Slot{}, &delivery.Slot{}
	s.Take(r)
	s.Lend(r)
	s.Take(other)
	if s.Return(r) {
		t.Fatal("two run in one slot")
	}
	s.Abandon(r)
	s.Release(other)
	if s.Free() {
		t.Error("the run that did not wait is not counted")
	}
	s.Release(r)
	if !s.Free() {
		t.Error("the slot is lost")
	}
	s.Abandon(r) // its turn had come
	if !s.Free() {
		t.Error("a run that had its turn takes another slot")
	}
}

package slab_test

import (
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/asynccalls/asynccalls/internal/slab"
)

type object struct {
	row *slab.Row[object]
	id  int
}

// TestSlab has many goroutines take and give back objects: nobody may have one
// that another one has.
func TestSlab(t *testing.T) {
	t.Parallel()
	var s slab.Slab[object]
	const perGoroutine = 1000
	kept := make(chan *object, 100) // given back by whoever finds it full, much later
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range perGoroutine {
				o, row := s.Get()
				if o.id != 0 || o.row != nil {
					t.Errorf("got an object in use: %d", o.id)
				}
				o.id, o.row = g*perGoroutine+i+1, row
				select {
				case kept <- o:
				default:
					giveBack(<-kept)
					giveBack(o)
				}
			}
		})
	}
	wg.Wait()
}

func giveBack(o *object) {
	row := o.row
	*o = object{}
	row.Put()
}

// TestSlabInRows checks that objects lie in memory as they were taken, and that
// their memory is used again.
func TestSlabInRows(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts those of the whole process
	var s slab.Slab[object]
	again := testing.AllocsPerRun(100, func() {
		var rows [64]*slab.Row[object]
		for i := range rows {
			_, rows[i] = s.Get()
		}
		for _, row := range rows {
			row.Put()
		}
	})
	if again > 48 { // under the race detector, sync.Pool drops some
		t.Errorf("%v allocations for 64 objects that were there", again)
	}
	var next, all int
	last, _ := s.Get()
	for range 1000 {
		o, _ := s.Get()
		all++
		if uintptr(unsafe.Pointer(o))-uintptr(unsafe.Pointer(last)) == unsafe.Sizeof(*o) {
			next++
		}
		last = o
	}
	if next < all/2 {
		t.Errorf("%d of %d objects lie behind the one before", next, all)
	}
}

func TestText(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts those of the whole process
	var texts slab.Text
	buf := make([]byte, 0, 2000)
	var got, want []string
	for n := range 1500 {
		buf = buf[:0]
		for range n {
			buf = append(buf, byte('a'+n%26))
		}
		got = append(got, texts.Keep(buf))
		want = append(want, strings.Repeat(string(rune('a'+n%26)), n))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("kept %.20q... of %d bytes, want %.20q... of %d", got[i], len(got[i]), want[i], len(want[i]))
		}
	}
	short := []byte("a short text")
	if n := testing.AllocsPerRun(1000, func() { _ = texts.Keep(short) }); n > 0.1 {
		t.Errorf("%v allocations for a short text, want few", n)
	}
}

func BenchmarkSlab(b *testing.B) {
	b.ReportAllocs()
	var s slab.Slab[object]
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, row := s.Get()
			row.Put()
		}
	})
}

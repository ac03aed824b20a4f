package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"time"
)

// heap is what is live in this process.
type heap struct {
	bytes      uint64
	goroutines int
	took       time.Duration // to collect what is not live
}

// liveHeap collects what is not live, and then returns what is.
func liveHeap() heap {
	runtime.GC() // moves what pools hold to where the next one finds it
	start := time.Now()
	runtime.GC()
	took := time.Since(start)
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return heap{m.HeapAlloc, runtime.NumGoroutine(), took}
}

// each returns how many bytes have come for each of count things.
func (h heap) each(before heap, count int) float64 {
	return (float64(h.bytes) - float64(before.bytes)) / float64(count)
}

// collections returns how many collections of garbage there have been.
func collections() uint32 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.NumGC
}

// profileHeap writes a profile of what was live at the last collection.
func profileHeap(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := pprof.Lookup("heap").WriteTo(f, 0); err != nil {
		return errors.Join(fmt.Errorf("write profile: %w", err), f.Close())
	}
	return f.Close()
}

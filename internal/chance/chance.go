// Package chance is where services get from what nobody can foresee: the IDs
// that they make, the partition in which they wait, how retries are spread.
//
// The testing mode makes all of it predictable while one of its tests runs, so
// that the test can be repeated to the byte, see [Predict].
package chance

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// predicted is what replaces chance while it is predictable, or nil.
//
//nolint:gochecknoglobals // IDs of requests are made without a service, so nobody can be handed the source
var predicted atomic.Pointer[prediction]

// prediction counts the IDs of each kind.
type prediction struct {
	mu     sync.Mutex // guards counts
	counts map[string]*atomic.Uint64
}

func (p *prediction) count(kind string) *atomic.Uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.counts[kind]
	if c == nil {
		c = new(atomic.Uint64)
		p.counts[kind] = c
	}
	return c
}

// current returns the prediction, unless the caller is outside of the bubbles of
// testing/synctest: in these it is the year 2000 or soon after.
func current() *prediction {
	p := predicted.Load()
	if p == nil || time.Since(start) > 10*365*24*time.Hour {
		return nil
	}
	return p
}

// start is when time begins in a bubble.
//
//nolint:gochecknoglobals // it is a constant
var start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Predict makes chance predictable in bubbles of testing/synctest until restore
// is called: IDs are counted from 1 in each kind, and a choice is always the first.
// It is for the testing mode, which runs one test at a time.
func Predict() (restore func()) {
	before := predicted.Swap(&prediction{counts: make(map[string]*atomic.Uint64)})
	return func() { predicted.Store(before) }
}

// Float64 returns a number from 0 up to 1: the highest there is, as long as chance
// is predictable.
func Float64() float64 {
	if current() != nil {
		return 1
	}
	return rand.Float64() //nolint:gosec // only to spread load
}

// Int32N returns a number from 0 up to n.
func Int32N(n int32) int32 {
	if current() != nil {
		return 0
	}
	return rand.Int32N(n) //nolint:gosec // only to spread load
}

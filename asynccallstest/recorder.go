package asynccallstest

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
)

// recorder is the testing.TB of one schedule: its failures are not those of the test.
type recorder struct {
	testing.TB

	mu       sync.Mutex // guards failures
	failures []string
}

// Error implements [testing.TB].
func (r *recorder) Error(args ...any) { r.record(fmt.Sprintln(args...)) }

// Errorf implements [testing.TB].
func (r *recorder) Errorf(format string, args ...any) { r.record(fmt.Sprintf(format, args...)) }

// Fail implements [testing.TB].
func (r *recorder) Fail() { r.record("the test failed without saying why") }

// FailNow implements [testing.TB].
func (r *recorder) FailNow() {
	if !r.Failed() {
		r.Fail()
	}
	runtime.Goexit()
}

// Fatal implements [testing.TB].
func (r *recorder) Fatal(args ...any) {
	r.Error(args...)
	runtime.Goexit()
}

// Fatalf implements [testing.TB].
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// Failed implements [testing.TB].
func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.failures) > 0
}

// Log implements [testing.TB]: what is logged is not kept.
func (r *recorder) Log(...any) {}

// Logf implements [testing.TB]: what is logged is not kept.
func (r *recorder) Logf(string, ...any) {}

func (r *recorder) record(failure string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, failure)
}

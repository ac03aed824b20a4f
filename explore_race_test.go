//go:build race

package asynccalls_test

// defaultSeeds is fewer than without the race detector, which is slow, and which
// now and then fails itself with so many goroutines (Go 1.26: "ThreadSanitizer:
// CHECK failed: tsan_rtl.cpp").
const defaultSeeds = 12

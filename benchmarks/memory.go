package main

import (
	"os"
	"strconv"
	"strings"
)

// peakMemory returns the largest resident size that this process has had, in
// megabytes, or 0 if the system does not tell. That of getrusage would begin with
// the size of the process that started this one.
func peakMemory() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kilobytes, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
			return kilobytes / 1000
		}
	}
	return 0
}

package acurl

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/asynccalls/asynccalls"
)

// Times are counted from a microsecond to an hour, with three digits.
const (
	shortestTime = int64(time.Microsecond)
	longestTime  = int64(time.Hour)
	timeDigits   = 3
)

// timed is how a call went.
type timed struct {
	first, end time.Duration // from when it was due; first is 0 without responses
	responses  int
	err        error
}

// measurement collects how calls went.
type measurement struct {
	mu         sync.Mutex // guards what follows
	calls      int
	responses  int
	failures   map[string]int
	first, end *hdrhistogram.Histogram // of calls that did not fail
}

func newMeasurement() *measurement {
	return &measurement{
		failures: map[string]int{},
		first:    hdrhistogram.New(shortestTime, longestTime, timeDigits),
		end:      hdrhistogram.New(shortestTime, longestTime, timeDigits),
	}
}

// take takes in how a call went.
func (m *measurement) take(t *timed) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls++
	m.responses += t.responses
	if t.err != nil {
		m.failures[reason(t.err)]++
		return
	}
	record(m.end, t.end)
	if t.responses > 0 {
		record(m.first, t.first)
	}
}

func record(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(min(max(int64(d), shortestTime), longestTime)) // it is in its range
}

// reason says in a few words why a call failed, so that calls can be counted by it.
func reason(err error) string {
	if status, ok := errors.AsType[*asynccalls.Error](err); ok {
		return fmt.Sprintf("status %d", status.Status)
	}
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err.Error()
}

// report returns what was measured in this time.
func (m *measurement) report(elapsed time.Duration) *report {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := &report{
		Seconds: elapsed.Seconds(), Calls: m.calls, Responses: m.responses, Failures: m.failures,
		First: latencyOf(m.first), End: latencyOf(m.end), Histogram: bucketsOf(m.end),
	}
	for _, n := range m.failures {
		r.Failed += n
	}
	r.CallsPerSecond = float64(m.calls-r.Failed) / r.Seconds
	r.ResponsesPerSecond = float64(m.responses) / r.Seconds
	return r
}

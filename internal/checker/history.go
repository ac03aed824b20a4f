package checker

import (
	"slices"
	"sync"
	"time"
)

// History collects events. It is safe for concurrent use, and its zero value is
// ready to use.
type History struct {
	mu     sync.Mutex // guards events
	events []Event
}

// Add appends an event. One without a time gets that of now, so that times
// ascend in the order of Add.
func (h *History) Add(e Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e.At.IsZero() {
		e.At = time.Now()
	}
	h.events = append(h.events, e)
}

// Events returns a copy of what was added, in that order.
func (h *History) Events() []Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.events)
}

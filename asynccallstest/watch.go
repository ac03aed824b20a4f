package asynccallstest

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"
)

// watchInterval is how long nothing may move, in real time, before a watch says so.
const watchInterval = 30 * time.Second

// watch says so if a bubble does not move, in real time: virtual time can't pass while
// a goroutine waits for something that is not of the bubble.
type watch struct {
	name  string
	out   io.Writer
	world atomic.Pointer[world]
	timer *time.Timer
	round int // that was seen last; used by look only
}

// newWatch returns a watch that looks until it is stopped. It is made outside of the
// bubble.
func newWatch(name string, out io.Writer, interval time.Duration) *watch {
	h := &watch{name: name, out: out, round: -1}
	started := make(chan struct{})
	h.timer = time.AfterFunc(interval, func() {
		<-started
		if !h.look() {
			h.timer.Reset(interval)
		}
	})
	close(started)
	return h
}

// look reports whether it has said something.
func (h *watch) look() bool {
	w := h.world.Load()
	if w == nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.round != h.round {
		h.round = w.round
		return false
	}
	text := fmt.Sprintf("asynccallstest: %s: nothing has moved for a while: some goroutine is busy, or waits for "+
		"something that\nis not of the test, such as a mutex that another one holds while it waits, or the network. "+
		"When go test\nhas timed out, it shows where all goroutines are.\n", h.name)
	if w.schedule != nil {
		text += fmt.Sprintf("%s=%s\n%s\n",
			scheduleVariable, writeSchedule(w.schedule.deviations), strings.Join(w.schedule.steps, "\n"))
	}
	_, _ = io.WriteString(h.out, text) // it is all that can be done
	return true
}

func (h *watch) stop() { h.timer.Stop() }

package asynccallstest

import (
	"strings"
	"testing"
	"time"
)

// lines is a writer that sends what is written.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// TestWatch has a world stand still.
func TestWatch(t *testing.T) {
	t.Parallel()
	out := make(lines, 1)
	h := newWatch("TestX", out, time.Microsecond)
	defer h.stop()
	w := newWorld(t, nil, true)
	w.schedule = &schedule{deviations: []deviation{{at: 2, option: 1}}, steps: []string{"first", "second"}}
	h.world.Store(w)
	text := <-out
	for _, want := range []string{"TestX: nothing has moved", "ASYNCCALLSTEST_SCHEDULE=3:1", "first\nsecond"} {
		if !strings.Contains(text, want) {
			t.Errorf("the watch says %q, want %q in it", text, want)
		}
	}
}

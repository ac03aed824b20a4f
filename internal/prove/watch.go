//go:build unix

package prove

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/asynccalls/asynccalls/internal/checker"
)

// watch follows the journals of all instances while they grow.
type watch struct {
	dir string

	mu       sync.Mutex // guards what follows
	offsets  map[string]int64
	events   []checker.Event
	requests map[string]*progress
	counts   map[checker.Kind]int
	invoked  map[string]int  // by slot, see slotOf
	joined   map[string]bool // by instance
	open     int             // requests that wait for their end
}

// progress is what is known of one request.
type progress struct{ due, ended bool }

func newWatch(dir string) *watch {
	return &watch{
		dir:      dir,
		offsets:  make(map[string]int64),
		requests: make(map[string]*progress),
		counts:   make(map[checker.Kind]int),
		invoked:  make(map[string]int),
		joined:   make(map[string]bool),
	}
}

// look takes in what was written since the last time.
func (w *watch) look() error {
	files, err := filepath.Glob(filepath.Join(w.dir, "*.json"))
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range files {
		if err := w.read(f); err != nil {
			return err
		}
	}
	return nil
}

// read takes in the lines of one journal that are whole.
func (w *watch) read(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Seek(w.offsets[name], io.SeekStart); err != nil {
		return err
	}
	b, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	b = b[:bytes.LastIndexByte(b, '\n')+1]
	if len(b) == 0 {
		return nil
	}
	events, err := checker.ReadJSON(bytes.NewReader(b[:len(b)-1]))
	if err != nil {
		return err
	}
	w.offsets[name] += int64(len(b))
	for i := range events {
		w.note(&events[i])
	}
	w.events = append(w.events, events...)
	return nil
}

// note follows requests from the moment at which they must come to an end: when
// they are acknowledged, or a handler has seen them.
func (w *watch) note(e *checker.Event) {
	w.counts[e.Kind]++
	switch e.Kind {
	case checker.Invoke:
		w.invoked[slotOf(e.Instance)]++
	case joined:
		w.joined[e.Instance] = true
	case checker.Acked, checker.HandlerStart, checker.Ended:
		if e.Request == "" {
			return // a run of a handler of responses
		}
		p := w.requests[e.Request]
		if p == nil {
			p = &progress{}
			w.requests[e.Request] = p
		}
		before := p.due && !p.ended
		p.due = true
		p.ended = p.ended || e.Kind == checker.Ended
		if after := !p.ended; before != after {
			w.open += map[bool]int{true: 1, false: -1}[after]
		}
	default:
	}
}

// slotOf returns the name of the slot that an instance is of.
func slotOf(instance string) string {
	slot, _, _ := strings.Cut(instance, ".")
	return slot
}

// figure returns something that was counted.
func (w *watch) figure(f func(w *watch) int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return f(w)
}

func (w *watch) count(k checker.Kind) int {
	return w.figure(func(w *watch) int { return w.counts[k] })
}

package slab

import "unsafe"

// textSize is how many bytes are allocated at once.
const textSize = 1024

// Text keeps short texts in few pieces of memory. A text that is kept for long
// keeps about a kilobyte of others. It is for one goroutine at a time.
type Text struct{ free []byte }

// Keep returns b as a string. A nil Text gives each memory of its own.
func (t *Text) Keep(b []byte) string {
	switch {
	case len(b) == 0:
		return ""
	case t == nil || len(b) > textSize/4:
		return string(b)
	case len(b) > len(t.free):
		t.free = make([]byte, textSize)
	}
	n := copy(t.free, b)
	s := unsafe.String(&t.free[0], n)
	t.free = t.free[n:]
	return s
}

package memory

import (
	"bytes"

	"github.com/asynccalls/asynccalls/driver"
)

const (
	smallestChunk = 512       // bytes
	largestChunk  = 32 * 1024 // bytes
	smallestRow   = 8         // headers
	largestRow    = 512       // headers
)

// An arena copies records with few allocations. Chunks double in size, so that
// few records cost little; they are small enough that a record which is kept
// keeps little else.
type arena struct {
	bytes   []byte
	chunk   int // size of the last chunk of bytes
	headers []driver.Header
	row     int // size of the last chunk of headers
}

// record replaces the bytes of r by copies.
func (a *arena) record(r *driver.Record) {
	r.Key = a.clone(r.Key)
	r.Value = a.clone(r.Value)
	if len(r.Headers) == 0 {
		r.Headers = nil
		return
	}
	headers := a.reserve(len(r.Headers))
	for i, h := range r.Headers {
		headers[i] = driver.Header{Key: h.Key, Value: a.clone(h.Value)}
	}
	r.Headers = headers
}

// clone returns a copy of b that can be appended to without harm to others. Nil
// stays nil, and empty stays empty.
func (a *arena) clone(b []byte) []byte {
	if len(b) == 0 || len(b) > largestChunk/4 {
		return bytes.Clone(b)
	}
	start := len(a.bytes)
	if len(b) > cap(a.bytes)-start {
		a.chunk = min(max(2*a.chunk, smallestChunk), largestChunk)
		a.bytes = make([]byte, 0, max(a.chunk, len(b)))
		start = 0
	}
	a.bytes = append(a.bytes, b...)
	return a.bytes[start:len(a.bytes):len(a.bytes)]
}

// reserve returns room for n headers.
func (a *arena) reserve(n int) []driver.Header {
	if n > largestRow/4 {
		return make([]driver.Header, n)
	}
	start := len(a.headers)
	if n > cap(a.headers)-start {
		a.row = min(max(2*a.row, smallestRow), largestRow)
		a.headers = make([]driver.Header, 0, max(a.row, n))
		start = 0
	}
	a.headers = a.headers[:start+n]
	return a.headers[start : start+n : start+n]
}

package asynccalls

import (
	"crypto/rand"
	"encoding/binary"
	"sync"
	"sync/atomic"
)

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// idSource makes IDs that are unique without a system call for each: a random
// prefix and a counter.
type idSource struct {
	prefix string
	count  atomic.Uint64
}

// newIDSource returns a source with a prefix of n characters, each of which is
// worth nearly six bits of chance.
func newIDSource(n int) *idSource {
	var b []byte
	for len(b) < n {
		var random [8]byte
		_, _ = rand.Read(random[:]) // documented never to fail
		v := binary.NativeEndian.Uint64(random[:])
		for range min(n-len(b), 10) { // ten characters take less than 60 of the 64 bits
			b = append(b, alphabet[v%62])
			v /= 62
		}
	}
	return &idSource{prefix: string(b)}
}

// append appends a new ID.
func (s *idSource) append(dst []byte) []byte {
	dst = append(dst, s.prefix...)
	for v := s.count.Add(1); v > 0; v /= 62 {
		dst = append(dst, alphabet[v%62])
	}
	return dst
}

// requestIDs is the one source of request IDs of the process: NewRequest needs
// no service, and two sources would be no more unique.
//
//nolint:gochecknoglobals // see above; it is written once
var requestIDs = sync.OnceValue(newRequestIDs)

func newRequestIDs() *idSource { return newIDSource(12) }

// maxNewID is the length of the longest request ID: the prefix and a counter.
const maxNewID = 12 + 11

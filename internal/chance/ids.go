package chance

import (
	"crypto/rand"
	"encoding/binary"
	"strconv"
	"sync"
	"sync/atomic"
)

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// requests is the one source of request IDs of the process: making a request
// needs no service, and two sources would be no more unique.
//
//nolint:gochecknoglobals // see above; it is written once
var requests = sync.OnceValue(func() *IDs { return newIDs(requestPrefix) })

const requestPrefix = 12

// MaxRequestID is the length of the longest ID that [AppendRequestID] makes: the
// prefix and a counter.
const MaxRequestID = requestPrefix + 11

// AppendRequestID appends the ID of a new request: such as req-1 while chance is
// predictable.
func AppendRequestID(dst []byte) []byte {
	if p := current(); p != nil {
		return strconv.AppendUint(append(dst, "req-"...), p.count("req-").Add(1), 10)
	}
	return requests().Append(dst)
}

// IDs makes IDs that are unique without a system call for each: a random prefix
// and a counter. It is safe for concurrent use.
type IDs struct {
	prefix string
	count  *atomic.Uint64
	base   uint64
}

// NewIDs returns a source with a prefix of n characters, each of which is worth
// nearly six bits of chance. While chance is predictable the prefix is kind.
func NewIDs(kind string, n int) *IDs {
	if p := current(); p != nil {
		return &IDs{kind, p.count(kind), 10}
	}
	return newIDs(n)
}

// Word returns a word of n characters, which nobody else has. While chance is
// predictable it is kind and a number.
func Word(kind string, n int) string {
	if current() != nil {
		return string(NewIDs(kind, n).Append(nil))
	}
	return random(n)
}

func newIDs(n int) *IDs { return &IDs{random(n), new(atomic.Uint64), uint64(len(alphabet))} }

func random(n int) string {
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
	return string(b)
}

// Append appends a new ID. Its digits stand the wrong way round, which makes no
// difference but to people.
func (s *IDs) Append(dst []byte) []byte {
	dst = append(dst, s.prefix...)
	v := s.count.Add(1)
	if s.base == 10 {
		return strconv.AppendUint(dst, v, 10)
	}
	for ; v > 0; v /= s.base {
		dst = append(dst, alphabet[v%s.base])
	}
	return dst
}

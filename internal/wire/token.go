package wire

import (
	"math"
	"strconv"
)

// Token is where the responses to an awaited request go: the partition of the
// caller's replies, the process that reads it, and the call in that process.
// Only the caller looks at more than the partition.
type Token struct {
	Partition        int32
	Instance         string
	Slot, Generation uint32
}

// valid reports whether the token can be written.
func (t *Token) valid() bool {
	return t.Partition >= 0 && t.Instance != "" && span(t.Instance, inWord, maxInstance) == len(t.Instance)
}

// AppendToken appends t, which must be valid, to dst.
func AppendToken(dst []byte, t Token) []byte {
	dst = strconv.AppendInt(dst, int64(t.Partition), 10)
	dst = append(dst, '.')
	dst = append(dst, t.Instance...)
	dst = append(dst, '.')
	dst = strconv.AppendUint(dst, uint64(t.Slot), 10)
	dst = append(dst, '.')
	return strconv.AppendUint(dst, uint64(t.Generation), 10)
}

// ParseToken reads a token.
func ParseToken(s string) (Token, error) {
	t, n := cutToken(s)
	if n == 0 || n < len(s) {
		return Token{}, malformed(invalid("token", s, ruleToken))
	}
	return Token{int32(t.partition), t.instance, t.slot, t.generation}, nil
}

// Reply says which call of which process a header "ac" of [KindReply] is for.
type Reply struct {
	Instance         []byte // a piece of the header, as Rest is
	Slot, Generation uint32
	Rest             []byte // for [DecodeReply]
}

// CutReply reads the token of a header "ac" of [KindReply], and leaves the rest
// unread. So a process can skip the responses that are for others without an
// allocation.
func CutReply(value []byte) (Reply, error) {
	kind, err := KindOf(value)
	switch {
	case err != nil:
		return Reply{}, err
	case kind != KindReply:
		return Reply{}, malformedHeader(value, ruleReply)
	case len(value) > maxHeader:
		return Reply{}, malformedHeader(value, ruleLength)
	}
	rest := value[kindPrefix:]
	t, n := cutToken(rest)
	if n == 0 || n == len(rest) || rest[n] != ' ' {
		return Reply{}, malformedHeader(value, ruleToken)
	}
	return Reply{t.instance, t.slot, t.generation, rest[n+1:]}, nil
}

func isToken(s string) bool {
	_, n := cutToken(s)
	return n > 0 && n == len(s)
}

// token is a [Token] that slices what it was read from.
type token[T text] struct {
	partition        uint32
	instance         T
	slot, generation uint32
}

// cutToken reads the token that s begins with. It returns how many bytes that
// takes, or 0 if there is none.
func cutToken[T text](s T) (t token[T], n int) {
	partition, n := number(s, math.MaxInt32)
	if n == 0 || n == len(s) || s[n] != '.' {
		return t, 0
	}
	from := n + 1
	n = from + span(s[from:], inWord, maxInstance)
	if n == from || n == len(s) || s[n] != '.' {
		return t, 0
	}
	t.partition, t.instance = uint32(partition), s[from:n]
	from = n + 1
	slot, n := number(s[from:], math.MaxUint32)
	if n += from; n == from || n == len(s) || s[n] != '.' {
		return t, 0
	}
	from = n + 1
	generation, n := number(s[from:], math.MaxUint32)
	if n == 0 {
		return t, 0
	}
	t.slot, t.generation = uint32(slot), uint32(generation)
	return t, from + n
}

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
	t, ok := splitToken(s)
	if !ok {
		return Token{}, malformed(invalid("token", s, ruleToken))
	}
	return Token{int32(t.partition), t.instance, t.slot, t.generation}, nil
}

// ReplyToken reads from a header "ac" of [KindReply] which call of which process
// it is for, and leaves the rest unread. So a process can skip the responses
// that are for others without an allocation.
func ReplyToken(value []byte) (instance []byte, slot, generation uint32, err error) {
	kind, err := KindOf(value)
	if err != nil {
		return nil, 0, 0, err
	}
	if kind != KindReply {
		return nil, 0, 0, malformedHeader(value, ruleReply)
	}
	rest := value[kindPrefix:]
	n := index(rest, ' ')
	if n < 0 {
		return nil, 0, 0, malformedHeader(value, ruleMissing)
	}
	t, ok := splitToken(rest[:n])
	if !ok {
		return nil, 0, 0, malformedHeader(value, ruleToken)
	}
	return t.instance, t.slot, t.generation, nil
}

// token is a [Token] that slices what it was read from.
type token[T text] struct {
	partition        uint32
	instance         T
	slot, generation uint32
}

func splitToken[T text](s T) (t token[T], ok bool) {
	if len(s) > maxToken {
		return t, false
	}
	var valid [4]bool
	t.partition, s, valid[0] = cutNumber(s, math.MaxInt32)
	n := index(s, '.')
	if n < 1 || n > maxInstance || !valid[0] {
		return t, false
	}
	t.instance, valid[1] = s[:n], consistsOf(s[:n], inWord)
	t.slot, s, valid[2] = cutNumber(s[n+1:], math.MaxUint32)
	last, ok := parseDecimal(s, math.MaxUint32)
	t.generation = uint32(last)
	return t, ok && valid[1] && valid[2]
}

// cutNumber reads a decimal number in front of a dot, and returns what is
// behind it.
func cutNumber[T text](s T, limit uint64) (uint32, T, bool) {
	n := index(s, '.')
	if n < 0 {
		return 0, s, false
	}
	v, ok := parseDecimal(s[:n], limit)
	return uint32(v), s[n+1:], ok
}

// index returns the place of c in s, or -1. The fields of a token are too short
// for the search of package strings to pay.
func index[T text](s T, c byte) int {
	for i := range len(s) {
		if s[i] == c {
			return i
		}
	}
	return -1
}

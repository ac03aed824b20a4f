package wire

import "math"

// text is what can be parsed.
type text interface{ ~string | ~[]byte }

// Classes of bytes, as bits in the table classes.
const (
	inWord    = 1 << iota // letters and digits
	inID                  // those, "-", "_" and ":"
	inService             // lower-case letters, digits and "-"
	inTopic               // letters, digits, ".", "_" and "-"
	inPath                // 0x21 to 0x7e but "%"
)

// classes has the classes of each byte. It is a string because strings are
// constant.
const classes = none + none +
	"\x00\x10\x10\x10\x10\x00\x10\x10\x10\x10\x10\x10\x10\x1e\x18\x10" + // space to "/"
	"\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x12\x10\x10\x10\x10\x10" + // "0" to "?"
	"\x10\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b" + // "@" to "O"
	"\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x10\x10\x10\x10\x1a" + // "P" to "_"
	"\x10\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f" + // "`" to "o"
	"\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x10\x10\x10\x10\x00" + // "p" to delete
	none + none + none + none + none + none + none + none

const none = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// consistsOf reports whether each byte of s is in the class.
func consistsOf[T text](s T, class byte) bool {
	for i := range len(s) {
		if classes[s[i]]&class == 0 {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// parseDecimal reads a decimal number up to limit, without leading zeros. The
// limit is at most that of int64, so that 19 digits cannot overflow.
func parseDecimal[T text](s T, limit uint64) (uint64, bool) {
	if len(s) == 0 || len(s) > len("9223372036854775807") || s[0] == '0' && len(s) > 1 {
		return 0, false
	}
	var n uint64
	for i := range len(s) {
		if !isDigit(s[i]) {
			return 0, false
		}
		n = n*10 + uint64(s[i]-'0')
	}
	return n, n <= limit
}

// parseInt32 reads a decimal number that is not negative.
func parseInt32(s string) (int32, bool) {
	n, ok := parseDecimal(s, math.MaxInt32)
	return int32(n), ok
}

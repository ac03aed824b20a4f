package wire

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

// span returns how many bytes of the class s begins with, or 0 if these are more
// than limit.
func span[T text](s T, class byte, limit int) int {
	n := 0
	for n < len(s) && classes[s[n]]&class != 0 {
		n++
	}
	if n > limit {
		return 0
	}
	return n
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// maxDigits is how many digits always fit into 64 bits.
const maxDigits = 19

// number reads the decimal number that s begins with. It returns how many bytes
// that takes, or 0 if there is none, or a leading zero, or more than limit.
func number[T text](s T, limit uint64) (v uint64, n int) {
	for n < len(s) && isDigit(s[n]) {
		v = v*10 + uint64(s[n]-'0')
		n++
	}
	if v > limit || n > maxDigits || n > 1 && s[0] == '0' {
		return 0, 0
	}
	return v, n
}

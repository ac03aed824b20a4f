package document

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/asynccalls/asynccalls/internal/wire"
)

// key returns the part of a key that stands for a pattern: "orders._id_" for
// "/orders/{id}". No two patterns have the same, so that a key stays what it is when
// others come. It has letters, digits, ".", "-" and "_" only; other bytes are "_" and
// two hex digits.
func key(pattern string) string {
	segments := strings.Split(pattern[1:], "/")
	for i, s := range segments {
		switch {
		case s == "{$}":
			segments[i] = "_24_"
		case strings.HasPrefix(s, "{"):
			segments[i] = "_" + s[1:len(s)-1] + "_"
		default:
			segments[i] = escape(s)
		}
	}
	return strings.Join(segments, ".")
}

// escape returns what stands for a literal segment. It neither begins nor ends with a
// "_" that is not followed by two hex digits: that is what wildcards do.
func escape(segment string) string {
	var b strings.Builder
	for i := range len(segment) {
		c := segment[i]
		switch {
		case isLetter(c) || isDigit(c) || c == '-' || c == '_' && isInner(segment, i):
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "_%02X", c)
		}
	}
	return b.String()
}

// isInner reports whether the "_" at i can't be taken for anything else.
func isInner(segment string, i int) bool {
	rest := segment[i+1:]
	return i > 0 && rest != "" && (len(rest) < 2 || !isHex(rest[0]) || !isHex(rest[1]))
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || 'A' <= c && c <= 'F' }

// expression returns a regular expression for the endpoints that a pattern matches, as
// they are written in a header.
func expression(pattern string) string {
	segments := strings.Split(pattern[1:], "/")
	for i, s := range segments {
		last := i == len(segments)-1
		switch {
		case s == "{$}":
			segments[i] = ""
		case s == "" && last || strings.HasSuffix(s, "...}"):
			segments[i] = "[^ ]*"
		case strings.HasPrefix(s, "{"):
			segments[i] = "[^/ ]+"
		default:
			segments[i] = regexp.QuoteMeta(wire.EscapeEndpoint(s))
		}
	}
	return "/" + strings.Join(segments, "/")
}

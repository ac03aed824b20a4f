package wire

import (
	"strings"
	"unicode/utf8"
)

// ValidEndpoint returns an error unless path can be an endpoint.
func ValidEndpoint(path string) error {
	if rule := endpointRule(path); rule != "" {
		return invalid("endpoint", path, rule)
	}
	return nil
}

// endpointRule returns the rule that an endpoint, as users write it, breaks.
func endpointRule(path string) string {
	if path == "" || path[0] != '/' {
		return ruleEndpointStart
	}
	if len(path) > maxEndpoint {
		return ruleEndpointLength
	}
	if isPlain(path) {
		return ""
	}
	length := len(path)
	for i := range len(path) {
		if isControl(path[i]) {
			return ruleEndpointControl
		}
		if classes[path[i]]&inPath == 0 {
			length += len("%XX") - 1
		}
	}
	switch {
	case length > maxEndpoint:
		return ruleEndpointLength
	case !utf8.ValidString(path):
		return ruleEndpointUTF8
	}
	return ""
}

// EscapeEndpoint returns a valid endpoint as it is written in a header.
func EscapeEndpoint(path string) string { return string(appendEndpoint(nil, path)) }

// appendEndpoint appends a valid endpoint as it is written in a header.
func appendEndpoint(dst []byte, path string) []byte {
	if isPlain(path) {
		return append(dst, path...)
	}
	for i := range len(path) {
		if c := path[i]; classes[c]&inPath != 0 {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return dst
}

const hexDigits = "0123456789ABCDEF"

// unescape reads an endpoint as it is written in a header. It returns the rule
// that is broken, if one is.
func unescape(s string) (path, rule string) {
	if len(s) > maxEndpoint {
		return "", ruleEndpointLength
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if classes[c]&inPath == 0 {
			var ok bool
			if c, ok = unescapeByte(s[i:]); !ok {
				return "", ruleEndpointEscape
			}
			i += len("XX")
		}
		b.WriteByte(c)
	}
	path = b.String()
	return path, endpointRule(path)
}

// unescapeByte reads the escaped byte that s begins with. A byte that needs no
// escape is not ok.
func unescapeByte(s string) (byte, bool) {
	if len(s) < len("%XX") || s[0] != '%' {
		return 0, false
	}
	high, low := strings.IndexByte(hexDigits, s[1]), strings.IndexByte(hexDigits, s[2])
	if high < 0 || low < 0 {
		return 0, false
	}
	c := byte(high<<4 | low)
	return c, classes[c]&inPath == 0
}

// isPlain reports whether a path of at most the longest length is written as it
// is.
func isPlain(path string) bool { return span(path, inPath, maxEndpoint) == len(path) }

func isControl(c byte) bool { return c < ' ' || c == 0x7f }

package wire

import "strings"

// fields reads the fields of a header one after the other. The first error
// sticks; what is read after it is empty.
type fields struct {
	rest  string
	ended bool // nothing follows, not even a space
	err   error
}

// take returns the next field if its n bytes are the valid ones that the rest
// begins with.
func (f *fields) take(n int, name, rule string) string {
	switch {
	case n == 0 || n < len(f.rest) && f.rest[n] != ' ':
		f.fail(name, rule)
		return ""
	case n == len(f.rest):
		field := f.rest
		f.rest, f.ended = "", true
		return field
	}
	field := f.rest[:n]
	f.rest = f.rest[n+1:]
	return field
}

// fail keeps the first error, about the next field.
func (f *fields) fail(name, rule string) {
	if f.err == nil {
		field, _, _ := strings.Cut(f.rest, " ")
		if f.ended {
			rule = ruleMissing
		}
		f.err = malformed(invalid(name, field, rule))
	}
	f.rest, f.ended = "", true
}

// close returns the error; that something is left is one.
func (f *fields) close() error {
	if !f.ended {
		f.fail("field", ruleMore)
	}
	return f.err
}

func (f *fields) id() string {
	return f.take(span(f.rest, inID, maxID), "id", ruleID)
}

func (f *fields) token() string {
	_, n := cutToken(f.rest)
	return f.take(n, "token", ruleToken)
}

func (f *fields) service(name string) string {
	n := span(f.rest, inService, maxService)
	if n > 0 && !isService(f.rest[:n]) {
		n = 0
	}
	return f.take(n, name, ruleService)
}

func (f *fields) endpoint() string {
	n := span(f.rest, inPath, maxEndpoint)
	if n > 0 && f.rest[0] == '/' && (n == len(f.rest) || f.rest[n] == ' ') {
		return f.take(n, "endpoint", ruleEndpointStart)
	}
	field, _, _ := strings.Cut(f.rest, " ")
	path, rule := unescape(field)
	if rule != "" {
		f.fail("endpoint", rule)
		return ""
	}
	f.take(len(field), "endpoint", ruleEndpointStart)
	return path
}

// number reads a decimal number up to limit.
func (f *fields) number(name string, limit uint64, rule string) uint64 {
	v, n := number(f.rest, limit)
	f.take(n, name, rule)
	return v
}

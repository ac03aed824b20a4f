package wire

import "strings"

// fields reads the fields of a header one after the other. The first error
// sticks; what is read after it is empty.
type fields struct {
	rest  string
	ended bool // nothing follows, not even a space
	err   error
}

// next returns the next field, which may be empty.
func (f *fields) next() string {
	if f.ended {
		f.fail("header", f.rest, ruleMissing)
		return ""
	}
	field := f.rest
	if n := strings.IndexByte(f.rest, ' '); n >= 0 {
		field, f.rest = f.rest[:n], f.rest[n+1:]
	} else {
		f.rest, f.ended = "", true
	}
	return field
}

// fail keeps the first error.
func (f *fields) fail(field, value, rule string) {
	if f.err == nil {
		f.err = malformed(invalid(field, value, rule))
	}
}

// close returns the error; that something is left is one.
func (f *fields) close() error {
	if !f.ended {
		f.fail("header", f.rest, ruleMore)
	}
	return f.err
}

func (f *fields) id() string {
	s := f.next()
	if !isID(s) {
		f.fail("id", s, ruleID)
	}
	return s
}

func (f *fields) service(name string) string {
	s := f.next()
	if !isService(s) {
		f.fail(name, s, ruleService)
	}
	return s
}

func (f *fields) endpoint() string {
	s := f.next()
	path, rule := parseEndpoint(s)
	if rule != "" {
		f.fail("endpoint", s, rule)
	}
	return path
}

func (f *fields) token() string {
	s := f.next()
	if _, ok := splitToken(s); !ok {
		f.fail("token", s, ruleToken)
	}
	return s
}

// number reads a decimal number up to limit.
func (f *fields) number(name string, limit uint64, rule string) uint64 {
	s := f.next()
	n, ok := parseDecimal(s, limit)
	if !ok {
		f.fail(name, s, rule)
	}
	return n
}

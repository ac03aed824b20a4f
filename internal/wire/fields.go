package wire

import "strings"

// fields reads the fields of a header one after the other. The first error
// sticks; what is read after it is empty.
type fields struct {
	text  string
	at    int  // where the next field begins
	ended bool // there is none, not even an empty one
	err   error
}

// fieldsOf returns the fields behind the version of a header that has no kind,
// and at most limit bytes.
func fieldsOf(value []byte, limit int) (fields, error) {
	if len(value) < len(versionPrefix) || string(value[:len(versionPrefix)]) != versionPrefix {
		return fields{}, versionError(value)
	}
	if len(value) > limit {
		return fields{}, malformedHeader(value, ruleLength)
	}
	return fields{text: string(value[len(versionPrefix):])}, nil
}

// rest is the next field and all behind it. That fields moves an index instead
// of keeping the rest spares a write barrier for each field.
func (f *fields) rest() string { return f.text[f.at:] }

// take returns the next field if its n bytes are the valid ones that the rest
// begins with.
func (f *fields) take(n int, name, rule string) string {
	rest := f.rest()
	switch {
	case n == 0 || n < len(rest) && rest[n] != ' ':
		f.fail(name, rule)
		return ""
	case n == len(rest):
		f.at, f.ended = len(f.text), true
	default:
		f.at += n + 1
	}
	return rest[:n]
}

// fail keeps the first error, about the next field.
func (f *fields) fail(name, rule string) {
	if f.err == nil {
		if f.ended {
			rule = ruleMissing
		}
		f.err = malformed(invalid(name, f.peek(), rule))
	}
	f.at, f.ended = len(f.text), true
}

// peek returns the next field as it is.
func (f *fields) peek() string {
	field, _, _ := strings.Cut(f.rest(), " ")
	return field
}

// close returns the error; that something is left is one.
func (f *fields) close() error {
	if !f.ended {
		f.fail("field", ruleMore)
	}
	return f.err
}

func (f *fields) id() string {
	return f.take(span(f.rest(), inID, maxID), "id", ruleID)
}

func (f *fields) token() string {
	_, n := cutToken(f.rest())
	return f.take(n, "token", ruleToken)
}

func (f *fields) service(name string) string {
	rest := f.rest()
	n := span(rest, inService, maxService)
	if n > 0 && (rest[0] == '-' || rest[n-1] == '-') {
		n = 0
	}
	return f.take(n, name, ruleService)
}

func (f *fields) endpoint() string {
	rest := f.rest()
	n := span(rest, inPath, maxEndpoint)
	if n > 0 && rest[0] == '/' && (n == len(rest) || rest[n] == ' ') {
		return f.take(n, "endpoint", ruleEndpointStart)
	}
	field := f.peek()
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
	v, n := number(f.rest(), limit)
	f.take(n, name, rule)
	return v
}

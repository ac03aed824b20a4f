package wire

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	// maxError bounds the text of an error, in bytes.
	maxError = 1024

	// maxMillis is the end of the year 9999, behind which the dates of other
	// languages end.
	maxMillis = 253402300799999

	// maxDead is the length of the longest header "ac-dead".
	maxDead = len(versionPrefix) + maxTopic + len(" 2147483647 9223372036854775807 253402300799999 ") +
		maxService + 1 + maxEndpoint + len(" 2147483647 253402300799999 253402300799999 ") + len(stub)

	// absent stands for a field that is not known.
	absent = "-"

	// stub is the last field of a dead letter without content.
	stub = "stub"
)

// Dead is what the header "ac-dead" says about a dead letter.
type Dead struct {
	Topic     string // where the record was, or, if it never was stored, where it was to go
	Partition int32  // -1 if the record never was stored
	Offset    int64  // -1 if the record never was stored
	Time      time.Time

	Service  string // who gave up
	Endpoint string // "" if not known
	Attempts int    // how often a handler ran

	First, Last time.Time // failures

	// Stub says that the record was too large for the dead letters, and is to be
	// found where it was.
	Stub bool
}

// AppendDead appends the header to dst. Topic and Service must be valid. It
// cannot fail, so that no record is too strange to be put away: an endpoint that
// is none is written as not known, and numbers out of range as the nearest that
// is in it.
func AppendDead(dst []byte, d *Dead) []byte {
	dst = append(dst, versionPrefix...)
	dst = append(dst, d.Topic...)
	if d.Partition < 0 || d.Offset < 0 {
		dst = append(dst, " - - "...)
	} else {
		dst = append(dst, ' ')
		dst = strconv.AppendInt(dst, int64(d.Partition), 10)
		dst = append(dst, ' ')
		dst = strconv.AppendInt(dst, d.Offset, 10)
		dst = append(dst, ' ')
	}
	dst = appendTime(dst, d.Time)
	dst = append(dst, ' ')
	dst = append(dst, d.Service...)
	dst = append(dst, ' ')
	if endpointRule(d.Endpoint) == "" {
		dst = appendEndpoint(dst, d.Endpoint)
	} else {
		dst = append(dst, absent...)
	}
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, int64(min(max(d.Attempts, 0), math.MaxInt32)), 10)
	dst = append(dst, ' ')
	dst = appendTime(dst, d.First)
	dst = append(dst, ' ')
	dst = appendTime(dst, d.Last)
	if d.Stub {
		dst = append(dst, " "+stub...)
	}
	return dst
}

func appendTime(dst []byte, t time.Time) []byte {
	return strconv.AppendInt(dst, min(max(t.UnixMilli(), 0), maxMillis), 10)
}

// DecodeDead reads a header "ac-dead". Times are in UTC.
func DecodeDead(value []byte) (Dead, error) {
	f, err := fieldsOf(value, maxDead)
	if err != nil {
		return Dead{}, err
	}
	d := Dead{Topic: f.topic()}
	d.Partition, d.Offset = f.source()
	d.Time = f.time("time")
	d.Service = f.service("service")
	if !f.absent() {
		d.Endpoint = f.endpoint()
	}
	d.Attempts = int(f.number("attempts", math.MaxInt32, ruleInt32))
	d.First, d.Last = f.time("first failure"), f.time("last failure")
	if f.peek() == stub {
		f.take(len(stub), "", "")
		d.Stub = true
	}
	if err := f.close(); err != nil {
		return Dead{}, err
	}
	return d, nil
}

func (f *fields) topic() string {
	return f.take(span(f.rest(), inTopic, maxTopic), "topic", ruleTopic)
}

// source reads where a record was stored, if it was.
func (f *fields) source() (partition int32, offset int64) {
	if f.absent() {
		if !f.absent() {
			f.fail("offset", ruleAbsent)
		}
		return -1, -1
	}
	return f.place()
}

// absent takes the next field if it is not known, and reports whether it did.
func (f *fields) absent() bool {
	if f.peek() != absent {
		return false
	}
	f.take(len(absent), "", "")
	return true
}

func (f *fields) time(name string) time.Time {
	return time.UnixMilli(int64(f.number(name, maxMillis, ruleTime))).UTC()
}

// ErrorText returns the value of the header "ac-error" for the text of an error:
// valid UTF-8 of at most 1024 bytes, cut between characters, with a space for
// each control character.
func ErrorText(s string) string {
	if len(s) <= maxError && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl) {
		return s
	}
	var b strings.Builder
	for _, c := range s { // what is not UTF-8 becomes U+FFFD
		if unicode.IsControl(c) {
			c = ' '
		}
		if b.Len()+utf8.RuneLen(c) > maxError {
			break
		}
		b.WriteRune(c)
	}
	return b.String()
}

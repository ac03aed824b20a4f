package wire

import (
	"errors"
	"fmt"
	"time"

	"github.com/asynccalls/asynccalls/driver"
)

// The headers of the protocol. All names that begin with "ac-" are its own.
const (
	// Header makes a record a request or a response.
	Header = "ac"
	// HeaderDead says where a dead letter comes from.
	HeaderDead = "ac-dead"
	// HeaderError says why a dead letter is one, as text for people.
	HeaderError = "ac-error"
	// HeaderReplay says of a message that it was a dead letter.
	HeaderReplay = "ac-replay"
	// HeaderReplayed marks a dead letter as put back.
	HeaderReplayed = "ac-replayed"

	// HeaderDropped marks a dead letter as dropped.
	HeaderDropped = "ac-dropped"
)

// version is the first field of each header, and versionPrefix how it begins.
const (
	version       = "1"
	versionPrefix = version + " "
	kindPrefix    = len("1 c ")
)

// maxHeader is the length of the longest header "ac": a request with everything
// at its limit. The longest response is shorter.
const maxHeader = kindPrefix + maxID + 1 + maxEndpoint + 1 + maxService + 1 + len("31536000000") + 1 + maxToken

// maxTTL is the longest time that a request may take to be started.
const maxTTL = 365 * 24 * time.Hour

// What is wrong with a header. Errors of decoding wrap one of these.
var (
	// ErrMissing says that a record has no header "ac", so it is not ours.
	ErrMissing = errors.New(`no header "ac"`)

	// ErrMalformed says that a header breaks the rules of its version.
	ErrMalformed = errors.New("malformed header")

	// ErrDuplicate says that a record has more than one header "ac". It is a
	// kind of [ErrMalformed].
	ErrDuplicate = fmt.Errorf(`%w: more than one "ac"`, ErrMalformed)

	// ErrVersion says that a header has a higher version than this package
	// knows.
	ErrVersion = errors.New("unknown version of the protocol")
)

// Kind is what a record is, as the letter in its header.
type Kind byte

// The kinds of records.
const (
	KindCall     Kind = 'c' // an awaited request
	KindSend     Kind = 's' // a durable request
	KindNotify   Kind = 'n' // a one-way request
	KindReply    Kind = 'r' // a response to an awaited request
	KindResponse Kind = 'd' // a response to a durable request
)

// Find returns the value of the one header "ac". The error is [ErrMissing] or
// [ErrDuplicate].
func Find(h []driver.Header) ([]byte, error) {
	found := -1
	for i := range h {
		if h[i].Key != Header {
			continue
		}
		if found >= 0 {
			return nil, ErrDuplicate
		}
		found = i
	}
	if found < 0 {
		return nil, ErrMissing
	}
	return h[found].Value, nil
}

// KindOf reads the version and the kind of a header "ac" and nothing else: what
// follows may be malformed.
func KindOf(value []byte) (Kind, error) {
	if len(value) < kindPrefix || string(value[:len(versionPrefix)]) != versionPrefix {
		return 0, versionError(value)
	}
	kind := Kind(value[len(versionPrefix)])
	switch kind {
	case KindCall, KindSend, KindNotify, KindReply, KindResponse:
		if value[kindPrefix-1] == ' ' {
			return kind, nil
		}
	}
	return 0, malformedHeader(value, ruleKind)
}

// versionError tells a higher version from what is none, for a header that does
// not begin with version 1 and a field.
func versionError(value []byte) error {
	digits := 0
	for digits < min(len(value), maxVersion+1) && isDigit(value[digits]) {
		digits++
	}
	ended := digits == len(value) || value[digits] == ' '
	if !ended || digits == 0 || digits > maxVersion || value[0] == '0' {
		return malformedHeader(value, ruleVersion)
	}
	if first := string(value[:digits]); first != version {
		return fmt.Errorf("%w: %s", ErrVersion, first)
	}
	return malformedHeader(value, ruleMissing)
}

// malformedHeader describes a header that breaks a rule as a whole. It is cut
// before it is copied, as it may come from anyone and be of any length.
func malformedHeader(value []byte, rule string) error {
	return malformed(invalid("header", string(value[:min(len(value), maxHeader)]), rule))
}

// invalid describes a field that breaks a rule, by the beginning of its value.
func invalid(field, value, rule string) error {
	return fmt.Errorf("%s %.60q %s", field, value, rule)
}

func malformed(err error) error {
	return fmt.Errorf("%w: %w", ErrMalformed, err)
}

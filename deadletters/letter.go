package deadletters

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// Place is where a record lies. Partition and Offset are -1 if that is not
// known, or the record is stored nowhere.
type Place struct {
	Topic     string
	Partition int32
	Offset    int64
}

// String returns topic, partition and offset in one piece.
func (p Place) String() string { return fmt.Sprintf("%s/%d@%d", p.Topic, p.Partition, p.Offset) }

// Letter is a dead letter: a message that could not be handled, and why. Its
// bytes must not be changed.
type Letter struct {
	At Place // where the letter lies

	Source    Place     // where the message was, or, if it never was stored, where it was to go
	Time      time.Time // of the message
	Service   string    // who gave up
	Endpoint  string    // "" if not known
	RequestID string    // "" if not known
	Attempts  int       // how often a handler ran
	First     time.Time // when the message failed first
	Last      time.Time // and last
	Error     string    // why

	Key    []byte
	Value  []byte
	Header []driver.Header // of the user

	// Stub says that the message was too large to be put away: Value and Header
	// are not there. Replay takes them from Source, as long as they are there.
	Stub bool

	Replays  int    // how often the message was replayed, from this letter and those before it
	Replayed *Place // where it was put back from this letter the last time; nil if it was not

	// Dropped says that the letter was dropped, and not replayed since.
	Dropped bool

	// Err is set for a record that lies among the dead letters and is none: it
	// says why. Of the other fields only At, Time, Key, Value, Header and Dropped are
	// set.
	Err error

	headers []driver.Header // all of the record
}

var errNoLetter = errors.New(`not a dead letter: no header "` + wire.HeaderDead + `"`)

// newLetter returns what a record says.
func newLetter(r *driver.Record) *Letter {
	l := &Letter{
		At:      Place{r.Topic, r.Partition, r.Offset},
		Time:    r.Time,
		Key:     r.Key,
		Value:   r.Value,
		Header:  userHeaders(r.Headers),
		headers: r.Headers,
	}
	value, ok := last(r.Headers, wire.HeaderDead)
	if !ok {
		l.Err = errNoLetter
		return l
	}
	dead, err := wire.DecodeDead(value)
	if err != nil {
		l.Err = fmt.Errorf("not a dead letter: header %q: %w", wire.HeaderDead, err)
		return l
	}
	l.Source = Place{dead.Topic, dead.Partition, dead.Offset}
	l.Time, l.Service, l.Endpoint = dead.Time, dead.Service, dead.Endpoint
	l.Attempts, l.First, l.Last, l.Stub = dead.Attempts, dead.First, dead.Last, dead.Stub
	text, _ := last(r.Headers, wire.HeaderError)
	l.Error = string(text)
	l.RequestID = requestID(r.Headers)
	l.Replays = replays(r.Headers)
	return l
}

// requestID returns the ID of a request, or of that which a response answers.
func requestID(headers []driver.Header) string {
	ac, err := wire.Find(headers)
	if err != nil {
		return ""
	}
	if request, err := wire.DecodeRequest(ac); err == nil {
		return request.ID
	}
	response, _ := wire.DecodeResponse(ac)
	return response.RequestID
}

// replays returns how often a message was replayed. What cannot be read counts
// as never: the count begins anew with the next replay.
func replays(headers []driver.Header) int {
	value, _ := last(headers, wire.HeaderReplay)
	replay, _ := wire.DecodeReplay(value)
	return replay.Count
}

// last returns the last header of a name: the others are of earlier letters.
func last(headers []driver.Header, name string) (value []byte, ok bool) {
	for _, h := range headers {
		if h.Key == name {
			value, ok = h.Value, true
		}
	}
	return value, ok
}

func userHeaders(headers []driver.Header) []driver.Header {
	var kept []driver.Header
	for _, h := range headers {
		if h.Key != wire.Header && !strings.HasPrefix(h.Key, wire.Header+"-") {
			kept = append(kept, h)
		}
	}
	return kept
}

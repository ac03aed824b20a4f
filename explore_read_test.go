package asynccalls_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/checker"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// identify returns what a record is, as far as its headers tell.
func identify(r *driver.Record) checker.Event {
	if e, ok := identifyReply(r); ok {
		return e
	}
	e := checker.Event{Kind: checker.Original, Key: string(r.Key), Digest: digest(r.Key, r.Value, r.Headers)}
	ac, err := wire.Find(r.Headers)
	if err != nil {
		return e
	}
	if w, err := wire.DecodeRequest(ac); err == nil {
		e.Request = w.ID
	} else if w, err := wire.DecodeResponse(ac); err == nil {
		e.Request, e.Run, e.Seq = w.RequestID, w.Run, int(w.Seq)
	}
	return e
}

// identifyReply returns what a response to a call is, or false if r is none.
func identifyReply(r *driver.Record) (e checker.Event, ok bool) {
	ac, err := wire.Find(r.Headers)
	if err != nil || !bytes.HasPrefix(ac, []byte("1 r ")) {
		return e, false
	}
	w, err := wire.DecodeResponse(ac)
	if err != nil {
		return e, false
	}
	e = checker.Event{
		Kind: checker.Written, Request: w.RequestID, Run: w.Run, Seq: int(w.Seq), Size: len(r.Value) + 256,
	}
	var h asynccalls.Header
	for _, f := range r.Headers {
		if f.Key != wire.Header {
			h.Add(f.Key, string(f.Value))
		}
	}
	e.Digest = content(r.Value, w.Status, h)
	switch {
	case w.Status >= 400:
		e.Mark = checker.MarkError
	case w.Bare:
		e.Mark = checker.MarkBare
	case w.End:
		e.Mark = checker.MarkEnd
	}
	return e, true
}

// content is what makes two responses the same.
func content(body []byte, status int, h asynccalls.Header) string {
	return fmt.Sprint(string(body), status, h)
}

// digest tells records apart that differ in anything, null and empty included.
func digest(key, value []byte, headers []driver.Header) string {
	b := appendSized(appendSized(nil, key), value)
	for _, h := range headers {
		b = appendSized(appendSized(b, []byte(h.Key)), h.Value)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// appendSized appends the length of v, -1 for null, and v.
func appendSized(b, v []byte) []byte {
	n := len(v)
	if v == nil {
		n = -1
	}
	return append(strconv.AppendInt(b, int64(n), 10), v...)
}

// bury notes all dead letters.
func (x *exploration) bury() {
	topics := []string{"server.dead", "client.dead"}
	if x.client == nil {
		topics = topics[:1]
	}
	for _, topic := range topics {
		for _, r := range read(x.t, x.broker, topic) {
			x.count("dead letters", 1)
			x.history.Add(x.exhume(&r))
		}
	}
}

// exhume returns what a dead letter was made of: all but the last two headers.
func (x *exploration) exhume(r *driver.Record) checker.Event {
	e := identify(r)
	e.Kind, e.Instance = checker.Dead, "reader"
	n := len(r.Headers) - 2
	if n < 0 || r.Headers[n].Key != wire.HeaderDead || r.Headers[n+1].Key != wire.HeaderError {
		x.t.Errorf("seed %d: dead letter of %q ends with headers %v", x.seed, e.Request, r.Headers)
		return e
	}
	e.Digest = digest(r.Key, r.Value, r.Headers[:n])
	from, err := wire.DecodeDead(r.Headers[n].Value)
	if err != nil {
		x.t.Errorf("seed %d: dead letter of %q: %v", x.seed, e.Request, err)
	}
	e.Topic, e.Partition, e.Offset = from.Topic, from.Partition, from.Offset
	return e
}

package asynccallstest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// sighting is what a record turns out to be.
type sighting struct {
	text    string
	line    string // what the transcript says of it
	request string // the ID of the request that it is, or is about
	end     bool   // it is the end of a call
	final   bool   // and the library made it, not the handler

	// Of a request, and of the dead letter of one.
	sent *asynccalls.Request
	dead bool
	conn *conn // that sent it
	lost bool  // it was not stored, or, on a broker outside of the test, that is not known
}

func (s *sighting) String() string { return s.text }

// sight looks at a record.
func (w *world) sight(r *driver.Record) *sighting {
	service := w.service(r.Topic)
	s := &sighting{text: "a record of " + r.Topic, line: r.Topic + " " + printable(r.Value)}
	for _, h := range r.Headers {
		if h.Key == wire.HeaderDead {
			return s.deadLetter(r, service)
		}
	}
	ac, err := wire.Find(r.Headers)
	if err != nil {
		return s
	}
	switch kind, _ := wire.KindOf(ac); kind {
	case wire.KindCall, wire.KindSend, wire.KindNotify:
		if w, err := wire.DecodeRequest(ac); err == nil {
			s.request = w.ID
			s.text = fmt.Sprintf("request %s to %s%s", w.ID, service, w.Endpoint)
			s.sent = requestOf(r, &w, service)
			s.line = requestLine(s.sent, &w)
		}
	case wire.KindReply:
		if to, err := wire.CutReply(ac); err == nil {
			if w, err := wire.DecodeReply(string(to.Rest)); err == nil {
				s.response(&w)
				s.line = responseLine(service, &w, r.Value)
			}
		}
	case wire.KindResponse:
		if w, err := wire.DecodeResponse(ac); err == nil {
			s.response(&w)
			s.line = responseLine(service, &w, r.Value)
		}
	}
	return s
}

func (s *sighting) response(w *wire.Response) {
	s.request, s.end = w.RequestID, w.End
	s.final = w.Bare || w.Status >= 400
	switch {
	case w.Bare:
		s.text = "the end of " + w.RequestID
	case w.End:
		s.text = fmt.Sprintf("response %d to %s, the last", w.Seq, w.RequestID)
	default:
		s.text = fmt.Sprintf("response %d to %s", w.Seq, w.RequestID)
	}
}

func (s *sighting) deadLetter(r *driver.Record, service string) *sighting {
	s.text, s.dead, s.final = "a dead letter", true, true
	s.line = "dead letters: " + printable(r.Value)
	ac, err := wire.Find(r.Headers)
	if err != nil {
		return s
	}
	if w, err := wire.DecodeRequest(ac); err == nil {
		s.request, s.text = w.ID, "the dead letter of "+w.ID
		s.line = strings.TrimRight("dead letters: "+w.ID+" "+printable(r.Value), " ")
		s.sent = requestOf(r, &w, service)
	}
	return s
}

// service returns the ID of the service that has a topic.
func (w *world) service(topic string) string {
	id := strings.TrimPrefix(topic, w.prefix)
	if dot := strings.LastIndexByte(id, '.'); dot >= 0 {
		id = id[:dot]
	}
	return id
}

// requestOf returns a request as its sender made it.
func requestOf(r *driver.Record, w *wire.Request, service string) *asynccalls.Request {
	request := &asynccalls.Request{
		ID:       w.ID,
		Service:  service,
		Endpoint: w.Endpoint,
		Key:      string(r.Key),
		From:     w.From,
		Body:     slices.Clone(r.Value),
		TTL:      w.TTL,
	}
	for _, h := range r.Headers {
		if h.Key != wire.Header && !strings.HasPrefix(h.Key, wire.Header+"-") {
			request.Header.Add(h.Key, string(h.Value))
		}
	}
	return request
}

// positionsText names positions, in their order.
func positionsText(positions []driver.Position) string {
	sorted := slices.SortedFunc(slices.Values(positions), func(a, b driver.Position) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.ID, b.ID))
	})
	var text []string
	for _, p := range sorted {
		text = append(text, fmt.Sprintf("%s/%d up to %d", p.Topic, p.ID, p.Offset))
	}
	return strings.Join(text, ", ")
}

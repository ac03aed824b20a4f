package acurl

import (
	"container/list"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// The bounds of a joiner: beyond them the calls that began first are forgotten.
const (
	mostCalls   = 100_000
	mostOrphans = 10_000
)

// happening is what a record says of a call.
type happening struct {
	Time   time.Time `json:"time"`
	ID     string    `json:"id"`
	What   what      `json:"what"`
	Size   int       `json:"size"`
	Status int       `json:"status,omitempty"` // of responses and ends
	Run    string    `json:"run,omitempty"`
	Seq    int32     `json:"seq"`
	Error  string    `json:"error,omitempty"` // of ends that failed, and dead letters
	Tries  int       `json:"attempts,omitempty"`

	bare bool
	body []byte
	call *tracedCall
}

// what is the kind of a happening.
type what string

const (
	whatRequest  what = "request"
	whatResponse what = "response"
	whatEnd      what = "end"
	whatDead     what = "dead"
)

// tracedCall is a call as far as it was seen.
type tracedCall struct {
	id, from, endpoint, key string
	kind                    wire.Kind
	begun, first            time.Time
	responses               map[string]int // by run
	size                    int
	ended                   bool
	place                   *list.Element
}

// joiner joins records into calls.
type joiner struct {
	calls   map[string]*tracedCall
	order   *list.List              // of *tracedCall, those that began first in front
	orphans map[string][]*happening // responses that came before their requests
	strays  int                     // their number
}

func newJoiner() *joiner {
	return &joiner{calls: make(map[string]*tracedCall), order: list.New(), orphans: make(map[string][]*happening)}
}

// request takes in a record of the requests. It returns what that says, and what
// came before it. What is no request says nothing.
func (j *joiner) request(r *kgo.Record) []*happening {
	ac, err := wire.Find(headers(r))
	if err != nil {
		return nil
	}
	request, err := wire.DecodeRequest(ac)
	if err != nil || j.calls[request.ID] != nil {
		return nil // delivered again by hand
	}
	c := &tracedCall{
		id: request.ID, from: request.From, endpoint: request.Endpoint, key: string(r.Key), kind: request.Kind,
		begun: r.Timestamp, responses: make(map[string]int), size: len(r.Value),
	}
	c.place = j.order.PushBack(c)
	j.calls[c.id] = c
	if len(j.calls) > mostCalls {
		oldest, _ := j.order.Front().Value.(*tracedCall)
		j.forget(oldest)
	}
	all := []*happening{{Time: r.Timestamp, ID: c.id, What: whatRequest, Size: len(r.Value), body: r.Value, call: c}}
	early := j.orphans[c.id]
	delete(j.orphans, c.id)
	j.strays -= len(early)
	for _, h := range early {
		all = append(all, j.join(c, h)...)
	}
	return all
}

// response takes in a record of replies or responses. It says nothing if the call
// is not known; it may be that of another service.
func (j *joiner) response(r *kgo.Record) []*happening {
	ac, err := wire.Find(headers(r))
	if err != nil {
		return nil
	}
	response, err := wire.DecodeResponse(ac)
	if err != nil {
		return nil
	}
	h := &happening{
		Time: r.Timestamp, ID: response.RequestID, What: whatResponse, Size: len(r.Value),
		Status: response.Status, Run: response.Run, Seq: response.Seq, bare: response.Bare, body: r.Value,
	}
	if h.Status == 0 {
		h.Status = 200
	}
	if response.End || response.Bare {
		h.What = whatEnd
	}
	if h.Status >= 400 {
		h.Error = string(r.Value)
	}
	return j.place(h)
}

// dead takes in a record of the dead letters.
func (j *joiner) dead(r *kgo.Record) []*happening {
	h := &happening{Time: r.Timestamp, What: whatDead, Size: len(r.Value)}
	for _, header := range r.Headers {
		switch header.Key {
		case wire.HeaderDead:
			dead, err := wire.DecodeDead(header.Value)
			if err != nil {
				return nil
			}
			h.Tries = dead.Attempts
		case wire.HeaderError:
			h.Error = string(header.Value)
		}
	}
	ac, err := wire.Find(headers(r))
	if err != nil {
		return nil
	}
	request, err := wire.DecodeRequest(ac)
	if err != nil {
		return nil // a response
	}
	h.ID = request.ID
	return j.place(h)
}

// place joins a happening with its call, or keeps it until that comes.
func (j *joiner) place(h *happening) []*happening {
	if c := j.calls[h.ID]; c != nil {
		return j.join(c, h)
	}
	if j.strays == mostOrphans {
		clear(j.orphans)
		j.strays = 0
	}
	j.orphans[h.ID] = append(j.orphans[h.ID], h)
	j.strays++
	return nil
}

// join adds a happening to its call. A response that is the end is both.
func (j *joiner) join(c *tracedCall, h *happening) []*happening {
	h.call = c
	all := []*happening{h}
	switch {
	case h.What == whatDead:
		c.ended = c.ended || c.kind == wire.KindNotify
		return all
	case h.What == whatEnd && !h.bare && h.Status < 400:
		response := *h
		response.What = whatResponse
		all = []*happening{&response, h}
		fallthrough
	case h.What == whatResponse:
		c.responses[h.Run]++
		if c.first.IsZero() {
			c.first = h.Time
		}
	}
	c.ended = c.ended || h.What == whatEnd
	return all
}

// forget lets go of a call.
func (j *joiner) forget(c *tracedCall) {
	delete(j.calls, c.id)
	j.order.Remove(c.place)
}

// headers are those of a record, as the core knows them.
func headers(r *kgo.Record) []driver.Header {
	all := make([]driver.Header, len(r.Headers))
	for i, h := range r.Headers {
		all[i] = driver.Header{Key: h.Key, Value: h.Value}
	}
	return all
}

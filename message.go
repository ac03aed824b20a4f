package asynccalls

import (
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/delivery"
	"github.com/asynccalls/asynccalls/internal/stage"
	"github.com/asynccalls/asynccalls/internal/topics"
	"github.com/asynccalls/asynccalls/internal/wire"
)

// message is a record that a group received: a request, or a response for a
// handler of responses. It is handled by one run, or by several if runs fail. Its
// memory is used for others when it is done; what a handler may keep is not in it.
type message struct {
	group    *group // the same for all that use the memory: who has kept a run may look
	task     delivery.Task
	record   content
	mode     delivery.Mode
	grave    atomic.Uint32 // a letterState
	passed   bool          // hooks have let the request pass; used by the run of the moment only
	refusal  error         // why the message cannot be handled at all
	endpoint *endpoint     // nil if there is none for it
	request  *Request      // or
	response *Response
	token    string          // of an awaited request
	tries    *delivery.Tries // nil as long as nothing failed
	run      *run            // the latest; group.mu guards the pointer
}

// requestRun and responseRun are what a handler gets of a message, and may keep.
type (
	requestRun struct {
		run     run
		request Request
	}
	responseRun struct {
		run      run
		response Response
	}
)

// content is what is kept of a record.
type content struct {
	Source

	time       time.Time
	key, value []byte
	headers    []driver.Header
}

// begin prepares the next run of the handler. What an earlier one left behind,
// such as a goroutine that holds its context, can't disturb it.
func (m *message) begin() {
	if m.tries == nil {
		return
	}
	m.run = &run{message: m}
	if m.request != nil {
		again := *m.request
		again.Attempt = m.tries.Count + 1
		m.request = &again
	}
}

// current returns the latest run.
func (m *message) current() *run {
	m.group.mu.Lock()
	defer m.group.mu.Unlock()
	return m.run
}

// logger returns one that says which message is meant: where it is, to which request
// it belongs, and to which trace.
func (m *message) logger() *slog.Logger {
	attributes := []any{"source", m.source()}
	switch {
	case m.request != nil:
		attributes = append(attributes, "request", m.request.ID)
	case m.response != nil:
		attributes = append(attributes, "request", m.response.RequestID)
	}
	if id := traceID(m.record.headers); id != "" {
		attributes = append(attributes, "trace_id", id)
	}
	return m.group.logger.With(attributes...)
}

// traceID returns the ID of the trace that the header traceparent names, or "" (W3C
// Trace Context, section 3.2).
func traceID(headers []driver.Header) string {
	const begin, end = len("00-"), len("00-") + 32
	for _, h := range headers {
		if h.Key != traceParent || len(h.Value) <= end || h.Value[begin-1] != '-' || h.Value[end] != '-' {
			continue
		}
		id := string(h.Value[begin:end])
		if strings.Trim(id, "0123456789abcdef") == "" && strings.Trim(id, "0") != "" {
			return id
		}
	}
	return ""
}

// trace returns the headers that say to which trace the message belongs.
func (m *message) trace() Header {
	var trace Header
	for _, h := range m.record.headers {
		if isTrace(h.Key) {
			trace = append(trace, Field{h.Key, string(h.Value)})
		}
	}
	return trace
}

// source tells in a log which message is meant.
func (m *message) source() string {
	return fmt.Sprintf("%s/%d@%d", m.record.Topic, m.record.Partition, m.record.Offset)
}

// String names the handler, and the key if there is one, for whoever looks for what is
// stuck.
func (m *message) String() string {
	var name, key string
	switch {
	case m.request != nil:
		name, key = m.request.Endpoint, m.request.Key
	case m.response != nil:
		name, key = "responses of "+m.response.Service+m.response.Endpoint, m.response.Key
	default:
		return m.source()
	}
	if key == "" {
		return name
	}
	return fmt.Sprintf("%s (key %q)", name, key)
}

// handled is what hooks are told of the message, and of an error.
func (m *message) handled(err error) *Handled {
	h := &Handled{Request: m.request, Response: m.response, Err: err, Status: statusOf(err)}
	switch {
	case m.request != nil && m.request.pattern != nil:
		h.Pattern = m.request.pattern.String()
	case m.response != nil && m.response.pattern != nil:
		h.Pattern = m.response.pattern.String()
	}
	return h
}

// limit is how long a run of the handler may take.
func (m *message) limit() time.Duration {
	if m.endpoint == nil {
		return m.group.s.config.limits.Handler
	}
	return m.endpoint.limit
}

// staged names the message for the testing mode.
func (m *message) staged() stage.Task {
	switch {
	case m.request != nil:
		return stage.Task{Request: m.request.ID, Name: m.String()}
	case m.response != nil:
		return stage.Task{Request: m.response.ID, Name: m.String()}
	default:
		return stage.Task{Request: m.source(), Name: m.String()}
	}
}

// retry says how often the message is tried again.
func (m *message) retry() delivery.Retry {
	if m.endpoint == nil {
		return delivery.Retry{}
	}
	return m.endpoint.retry
}

// serve sets the handler that serves the message.
func (m *message) serve(e *endpoint) {
	m.endpoint, m.task.Gate = e, e.gate
	m.task.Awaited = m.mode == delivery.Awaited && !e.retry.Awaited
}

// again reports whether the memory of a message that is done can be used for another,
// and prepares it for that. Of what went wrong somebody may still have something.
func (m *message) again() bool {
	if m.tries != nil || letterState(m.grave.Load()) != noLetter || m.group.s.stage != nil {
		return false
	}
	m.task, m.record = delivery.Task{}, content{}
	m.mode, m.passed, m.refusal = 0, false, nil
	m.endpoint, m.request, m.response, m.token, m.run = nil, nil, nil, "", nil
	return true
}

// decode fills in a message from a record, whatever is in that.
func (g *group) decode(m *message, record *driver.Record) {
	m.record = content{
		Source:  sourceOf(record),
		time:    record.Time,
		key:     record.Key,
		value:   record.Value,
		headers: record.Headers,
	}
	m.task.Owner = m
	ac, err := wire.Find(record.Headers)
	if record.Topic == g.responses {
		of := next(&g.responseRuns)
		m.run = &of.run
		if err == nil {
			err = m.decodeResponse(ac, &of.response)
		}
	} else {
		of := next(&g.requestRuns)
		m.run = &of.run
		if err == nil {
			err = m.decodeRequest(ac, &of.request)
		}
	}
	m.run.message = m
	if err != nil {
		m.mode = delivery.OneWay // there is nobody to answer
		m.refusal = &unserved{&Error{statusBadRequest, err.Error()}}
	}
}

// next returns an object out of a chunk, which it replaces when all are used: few
// allocations, and few objects that keep each other from being freed.
func next[T any](chunk *[]T) *T {
	if len(*chunk) == 0 {
		*chunk = make([]T, runChunk)
	}
	object := &(*chunk)[0]
	*chunk = (*chunk)[1:]
	return object
}

func (m *message) decodeRequest(ac []byte, r *Request) error {
	w, err := wire.DecodeRequestTo(ac, &m.group.texts)
	if err != nil {
		return err
	}
	switch w.Kind {
	case wire.KindCall:
		m.mode = delivery.Awaited
	case wire.KindSend:
		m.mode = delivery.Durable
	default:
		m.mode = delivery.OneWay
	}
	m.token = w.Token
	*r = Request{
		ID:       w.ID,
		Service:  m.group.s.id,
		Endpoint: w.Endpoint,
		Key:      m.group.texts.Keep(m.record.key),
		From:     w.From,
		Header:   userHeaders(m.record.headers),
		Body:     m.record.value,
		TTL:      w.TTL,
		Attempt:  1,
		Source:   m.record.Source,
		sent:     1,
	}
	m.request = r
	route := m.group.s.endpoints.Find(w.Endpoint)
	if route == nil {
		m.refusal = &unserved{&Error{statusNotFound, fmt.Sprintf("unknown endpoint %q", w.Endpoint)}}
		return nil
	}
	m.request.pattern = route.Pattern
	m.serve(route.Handler)
	return nil
}

func (m *message) decodeResponse(ac []byte, r *Response) error {
	w, err := wire.DecodeResponseTo(ac, &m.group.texts)
	if err != nil {
		return err
	}
	if w.Kind != wire.KindResponse {
		return fmt.Errorf("a response of kind %q is for the topic %s", w.Kind, topics.Replies)
	}
	m.mode = delivery.Response
	*r = Response{
		ID:        w.ID,
		RequestID: w.RequestID,
		Service:   w.Service,
		Endpoint:  w.Endpoint,
		Key:       m.group.texts.Keep(m.record.key),
		Run:       w.Run,
		Seq:       int(w.Seq),
		Status:    w.Status,
		End:       w.End,
		Header:    userHeaders(m.record.headers),
		Body:      m.record.value,
		Source:    m.record.Source,
		bare:      w.Bare,
		sent:      1,
	}
	m.response = r
	if r.Key == w.RequestID {
		r.Key = "" // the stand-in for no key, see responseKey
	}
	mux := m.group.s.responses[w.Service]
	if mux == nil {
		m.refusal = &unserved{&Error{statusNotFound, fmt.Sprintf("no handler of responses of %q", w.Service)}}
		return nil
	}
	route := mux.Find(w.Endpoint)
	if route == nil {
		message := fmt.Sprintf("no handler of responses of %q for %q", w.Service, w.Endpoint)
		m.refusal = &unserved{&Error{statusNotFound, message}}
		return nil
	}
	m.response.pattern = route.Pattern
	m.serve(route.Handler)
	return nil
}

package asynccallstest

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls"
)

// message is what is compared of a request or a response.
type message struct {
	To     string `json:",omitempty"` // of a request, service and endpoint
	Key    string
	Status int
	Header asynccalls.Header
	Body   any // what JSON says, or a string
}

// Equal fails the test, and shows the difference, unless requests or responses are as
// wanted, in their order. Of requests it compares Service, Endpoint, Key, Header and Body,
// of responses Status, Header and Body; a Status of 0 is 200. Bodies that are JSON on both
// sides are compared as JSON.
func Equal[M *asynccalls.Request | *asynccalls.Response](tb testing.TB, got []M, want ...M) {
	tb.Helper()
	if diff := cmp.Diff(messages(want), messages(got)); diff != "" {
		tb.Errorf("not as wanted (-want +got):\n%s", diff)
	}
}

func messages[M *asynccalls.Request | *asynccalls.Response](all []M) []message {
	reduced := make([]message, 0, len(all))
	for _, m := range all {
		reduced = append(reduced, reduce(m))
	}
	return reduced
}

func reduce(m any) message {
	switch m := m.(type) {
	case *asynccalls.Request:
		return message{To: m.Service + m.Endpoint, Key: m.Key, Header: present(m.Header), Body: readable(m.Body)}
	case *asynccalls.Response:
		return message{Status: statusOf(m), Header: present(m.Header), Body: readable(m.Body)}
	default:
		return message{}
	}
}

// statusOf returns the status that is sent.
func statusOf(r *asynccalls.Response) int {
	if r.Status == 0 {
		return 200
	}
	return r.Status
}

// present makes no difference between no header and an empty one.
func present(h asynccalls.Header) asynccalls.Header {
	if len(h) == 0 {
		return nil
	}
	return h
}

// readable returns a body as it is best compared and shown.
func readable(body []byte) any {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err == nil && !decoder.More() {
		return jsonBody{v}
	}
	return string(body)
}

// jsonBody tells JSON from text that looks like it.
type jsonBody struct{ JSON any }

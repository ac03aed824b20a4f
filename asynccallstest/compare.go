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

// EqualRequests fails the test, and shows the difference, unless requests are as
// wanted, in their order: in Service, Endpoint, Key, Header and Body. Bodies that are
// JSON on both sides are compared as JSON.
func EqualRequests(tb testing.TB, got []*asynccalls.Request, want ...*asynccalls.Request) {
	tb.Helper()
	compare(tb, "requests", got, want, func(r *asynccalls.Request) message {
		return message{To: r.Service + r.Endpoint, Key: r.Key, Header: r.Header, Body: readable(r.Body)}
	})
}

// EqualResponses does so for responses: in Status, Header and Body; a Status of 0 is
// 200.
func EqualResponses(tb testing.TB, got []*asynccalls.Response, want ...*asynccalls.Response) {
	tb.Helper()
	compare(tb, "responses", got, want, func(r *asynccalls.Response) message {
		status := r.Status
		if status == 0 {
			status = 200
		}
		return message{Status: status, Header: r.Header, Body: readable(r.Body)}
	})
}

func compare[T any](tb testing.TB, what string, got, want []T, reduce func(T) message) {
	tb.Helper()
	diff := cmp.Diff(reduceAll(want, reduce), reduceAll(got, reduce))
	if diff != "" {
		tb.Errorf("%s are not as wanted (-want +got):\n%s", what, diff)
	}
}

func reduceAll[T any](all []T, reduce func(T) message) []message {
	messages := make([]message, 0, len(all))
	for _, r := range all {
		m := reduce(r)
		if len(m.Header) == 0 {
			m.Header = nil
		}
		messages = append(messages, m)
	}
	return messages
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

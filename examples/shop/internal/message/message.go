// Package message makes the requests and responses of the shop, as the JSON functions
// of asynccalls make them.
package message

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/asynccalls/asynccalls"
)

// Request returns a request with a value as its body. The value must have a form in
// JSON.
func Request(service, endpoint, key string, v any) *asynccalls.Request {
	r := asynccalls.NewRequest(service, endpoint, encode(v))
	r.Key = key
	r.Header.Add("content-type", "application/json")
	return r
}

// Response returns a response with a value as its body, as a handler sends it.
func Response(v any) *asynccalls.Response {
	r := asynccalls.NewResponse(encode(v))
	r.Header.Add("content-type", "application/json")
	return r
}

// Refusal returns the error with which a handler refuses a request.
func Refusal(status int, format string, args ...any) error {
	return &asynccalls.Error{Status: status, Message: fmt.Sprintf(format, args...)}
}

func encode(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // the types of the shop have no such values
	}
	return body
}

// Status returns the status with which a call has ended: 200 if err is nil, and 0 if it
// is not that of a service.
func Status(err error) int {
	if err == nil {
		return 200
	}
	if e, ok := errors.AsType[*asynccalls.Error](err); ok {
		return e.Status
	}
	return 0
}

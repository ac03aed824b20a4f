package info

import (
	"reflect"
	"strings"

	"github.com/asynccalls/asynccalls/driver"
)

// AsyncAPI is where a service answers requests with an AsyncAPI document of itself, if
// it does.
const AsyncAPI = "/$asyncapi"

// Key is the key under which the context of a handler has the [Description] of its
// service, as a pointer. It is not to be changed.
type Key struct{}

// Description is what a service is, for what runs in its process.
type Description struct {
	Service   string
	Prefix    string                  // of topics and groups
	Topics    map[string]driver.Topic // its own, by kind, as it creates them
	Endpoints []Handler
	Responses []Handler
}

// Handler is an endpoint, or a handler of responses.
type Handler struct {
	Route
	Types
}

// Types are those of the JSON values that a handler gets and returns; nil where they are
// not known.
type Types struct {
	In, Out reflect.Type
	Unary   bool // there is exactly one response
}

// Reserved reports whether a pattern is one of the endpoints that are for tools.
func Reserved(pattern string) bool { return strings.HasPrefix(pattern, "/$") }

// Describe returns the description of a service of which another process knows these
// handlers, but not their types.
func Describe(service, prefix string, endpoints, responses []Route) *Description {
	d := &Description{Service: service, Prefix: prefix}
	for _, r := range endpoints {
		d.Endpoints = append(d.Endpoints, Handler{Route: r})
	}
	for _, r := range responses {
		d.Responses = append(d.Responses, Handler{Route: r})
	}
	return d
}

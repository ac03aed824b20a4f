package document

import (
	"reflect"

	"github.com/google/jsonschema-go/jsonschema"
)

// The traits of messages and of operations.
const (
	aRequest  = "request"
	aResponse = "response"
	consumed  = "consumed" // by the group of the service
)

// traits are those of messages.
func traits() map[string]messageTrait {
	return map[string]messageTrait{
		aRequest: trait(
			"The kind of the request (c awaited, s durable, n one-way), its ID, the endpoint, the service that sent "+
				"it, and how long it is valid.",
			"Requests with the same key are handled in their order, one at a time. It may be null.",
		),
		aResponse: trait(
			"Which request is responded to, the run of its handler and the number of the response in that, and a mark "+
				"with the status, and for the end of the call.",
			"Of a response to a durable request the key of that, or else its ID; of others null.",
		),
	}
}

func trait(ac, key string) messageTrait {
	return messageTrait{
		&jsonschema.Schema{
			Type: "object",
			Properties: map[string]*jsonschema.Schema{
				"ac":           {Type: "string", Description: ac},
				"content-type": {Type: "string", Description: "As in HTTP."},
				"traceparent":  {Type: "string", Description: "As in W3C Trace Context."},
			},
			PropertyOrder: []string{"ac", "content-type", "traceparent"},
			Required:      []string{"ac"},
		},
		messageBindings{kafkaMessage{
			&jsonschema.Schema{Types: []string{"string", "null"}, Description: key}, kafkaBinding,
		}},
	}
}

// Regular expressions for the header ac of a response, of which the last is for the mark.
const (
	anyResponse  = "^1 (r [^ ]+ [^ ]+|d [^ ]+ [^ ]+ [^ ]+)"
	markResponse = "( [23][0-9]{2}| e([23][0-9]{2})?)?$"
)

// responseTo returns the expression for a response of an endpoint to anybody.
func responseTo(service, pattern string) string {
	return "^1 (r [^ ]+ [^ ]+|d [^ ]+ " + service + " " + expression(pattern) + ")"
}

// durableTo returns the expression for a response of an endpoint to a durable request.
func durableTo(service, pattern string) string {
	return "^1 d [^ ]+ " + service + " " + expression(pattern)
}

// headers returns the schema of the headers of a message, by what its ac looks like.
func headers(pattern string) *jsonschema.Schema {
	return &jsonschema.Schema{
		Type:       "object",
		Properties: map[string]*jsonschema.Schema{"ac": {Type: "string", Pattern: pattern}},
	}
}

// contentType returns what the body is of a message with values of a type.
func contentType(t reflect.Type) string {
	if t == nil {
		return "" // anything
	}
	return "application/json"
}

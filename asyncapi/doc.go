// Package asyncapi has a service answer with an AsyncAPI document of itself
// (https://www.asyncapi.com), for portals, code generators and people:
//
//	asyncapi.Handle(svc, asyncapi.Info{Title: "Shop", Version: "1.4.0"})
//
// From then on the endpoint "/$asyncapi" has it, and
//
//	acurl describe shop --asyncapi > asyncapi.json
//
// writes it. It is of version 3.0.0 and is made of what is registered, so it is never
// out of date:
//   - a channel for each topic, with what its name and its settings are,
//   - an operation for each endpoint, with its requests and responses, and for each
//     handler of responses, with the requests that they answer,
//   - a message for each of these, with the header ac of the protocol. It tells the
//     endpoint: "pattern" is a regular expression for the endpoints that are meant,
//   - schemas of the types of [asynccalls.HandleJSON], [asynccalls.StreamJSON] and
//     [asynccalls.HandleResponsesJSON], and none of bodies that are bytes.
//
// The extension x-asynccalls of an operation has the pattern, the timeout of the handler,
// its attempts, and whether there is exactly "one" response or "any" number.
//
// # Schemas
//
// They are of draft-07 of JSON Schema, as AsyncAPI's own, and say how encoding/json
// writes a type: by its tags, with the fields of embedded structs, []byte as base64, and
// null for a nil pointer, slice or map. A field is required unless its tag has omitempty
// or omitzero; others than those that are known are allowed. A tag such as
//
//	Amount int `json:"amount" jsonschema:"in cents"`
//
// describes a field. A type that has its own MarshalJSON is described as any value, one
// with MarshalText as a string. A type that can't be written as JSON, such as a func, does
// not fail the service: its message has no schema, and says why.
//
// # In a repository
//
// The document depends on the code only, so a test can compare it with a file that is
// checked in, and a change of the contract shows in a review. The Example has what
// such a test does: the testing mode, or a broker in memory, and a call of "/$asyncapi".
package asyncapi

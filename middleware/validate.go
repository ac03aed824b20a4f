package middleware

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/internal/route"
)

// ValidateReceived returns hooks that refuse requests whose bodies do not satisfy a
// JSON Schema: schemas are the texts of these by patterns of endpoints, as
// [asynccalls.Service.Handle] has them. A request that no pattern matches passes. The
// caller of a refused one gets status 400 and is told which fields are wrong, with the
// keyword of the schema, and not their values.
//
// A schema is of draft 2020-12 unless its $schema says otherwise, and refers to
// nothing outside of itself. The error names the schema that is not valid.
func ValidateReceived(schemas map[string]string) (asynccalls.Hooks, error) {
	v, err := newValidator(schemas)
	if err != nil {
		return asynccalls.Hooks{}, fmt.Errorf("validate received: %w", err)
	}
	return asynccalls.Hooks{BeforeReceive: func(_ context.Context, r *asynccalls.Request) error {
		return v.validate(r)
	}}, nil
}

// ValidateSent returns hooks that refuse requests to a service as
// [ValidateReceived] does, before they are sent: the error is that of the call, and of
// Send.
func ValidateSent(service string, schemas map[string]string) (asynccalls.Hooks, error) {
	v, err := newValidator(schemas)
	if err != nil {
		return asynccalls.Hooks{}, fmt.Errorf("validate sent to %q: %w", service, err)
	}
	return asynccalls.Hooks{BeforeSend: func(_ context.Context, r *asynccalls.Request) error {
		if r.Service != service {
			return nil
		}
		return v.validate(r)
	}}, nil
}

// validator knows the schemas of endpoints.
type validator struct {
	schemas route.Mux[*jsonschema.Schema]
}

func newValidator(schemas map[string]string) (*validator, error) {
	v := &validator{}
	for pattern, text := range schemas {
		schema, err := compile(text)
		if err == nil {
			err = v.schemas.Add(pattern, schema)
		}
		if err != nil {
			return nil, fmt.Errorf("schema of %q: %w", pattern, err)
		}
	}
	return v, nil
}

func compile(text string) (*jsonschema.Schema, error) {
	const name = "schema.json"
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(jsonschema.SchemeURLLoader{}) // loads nothing
	if err := c.AddResource(name, doc); err != nil {
		return nil, err
	}
	return c.Compile(name)
}

// validate says what is wrong with the body of a request.
func (v *validator) validate(r *asynccalls.Request) error {
	route := v.schemas.Find(r.Endpoint)
	if route == nil {
		return nil
	}
	body, err := jsonschema.UnmarshalJSON(bytes.NewReader(r.Body))
	if err != nil {
		return errors.New("the body is not JSON")
	}
	err = route.Handler.Validate(body)
	if invalid, ok := errors.AsType[*jsonschema.ValidationError](err); ok {
		return errors.New("the body is not valid: " + strings.Join(complaints(nil, invalid), ", "))
	}
	return err
}

// complaints appends what is wrong where. It has no values: those may be secrets.
func complaints(to []string, e *jsonschema.ValidationError) []string {
	for _, cause := range e.Causes {
		to = complaints(to, cause)
	}
	if len(e.Causes) > 0 {
		return to
	}
	where := "/" + strings.Join(e.InstanceLocation, "/")
	what := strings.Join(e.ErrorKind.KeywordPath(), "/")
	if required, ok := e.ErrorKind.(*kind.Required); ok {
		what += " " + strings.Join(slices.Sorted(slices.Values(required.Missing)), " and ")
	}
	return append(to, where+" ("+what+")")
}

package asynccalls

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"reflect"
	"slices"

	"github.com/asynccalls/asynccalls/internal/info"
)

// contentType is the header that the JSON functions set, and its value.
const (
	contentType = "content-type"
	jsonType    = "application/json"
)

// HandleJSON registers a handler that gets one value and returns one: the only
// response. A body that cannot be decoded is answered with status 400 if the
// request is awaited, else it goes to the dead letters. It panics as
// [Service.Handle] does.
func HandleJSON[In, Out any](
	s *Service, pattern string, h func(context.Context, In) (Out, error), o ...EndpointOption,
) {
	s.Handle(pattern, func(ctx context.Context, w ResponseWriter, r *Request) error {
		in, err := decodeJSON[In](r.Body)
		if err != nil {
			return err
		}
		out, err := h(ctx, in)
		if err != nil {
			return err
		}
		return sendJSON(ctx, w, out, true)
	}, withTypes(o, info.Types{In: reflect.TypeFor[In](), Out: reflect.TypeFor[Out](), Unary: true})...)
}

// StreamJSON registers a handler that gets one value and sends any number of
// them; send does what [ResponseWriter].Send does. Otherwise it is as
// [HandleJSON].
func StreamJSON[In, Out any](
	s *Service, pattern string, h func(ctx context.Context, in In, send func(Out) error) error, o ...EndpointOption,
) {
	s.Handle(pattern, func(ctx context.Context, w ResponseWriter, r *Request) error {
		in, err := decodeJSON[In](r.Body)
		if err != nil {
			return err
		}
		return h(ctx, in, func(out Out) error { return sendJSON(ctx, w, out, false) })
	}, withTypes(o, info.Types{In: reflect.TypeFor[In](), Out: reflect.TypeFor[Out]()})...)
}

// HandleResponsesJSON registers a handler of responses that gets their values.
// For a call that failed, and for an end without a response, the value is zero:
// look at [Response.Err] first. A body that cannot be decoded goes to the dead
// letters. It panics as [Service.Handle] does.
func HandleResponsesJSON[T any](
	s *Service, service, pattern string, h func(context.Context, *Response, T) error, o ...EndpointOption,
) {
	s.HandleResponses(service, pattern, func(ctx context.Context, r *Response) error {
		var v T
		if r.Err() == nil && !r.bare {
			var err error
			if v, err = decodeJSON[T](r.Body); err != nil {
				return err
			}
		}
		return h(ctx, r, v)
	}, withTypes(o, info.Types{In: reflect.TypeFor[T]()})...)
}

// CallJSON sends a value and returns the values it is answered with, as
// [Service.Call] and [Call.Responses] do; the request is sent when the result is
// ranged over. edit can set a Key, a Header and the like before.
func CallJSON[Out any]( //nolint:revive // ctx, s and edit aside it is three
	ctx context.Context, s *Service, service, endpoint string, in any, edit ...func(*Request),
) iter.Seq2[Out, error] {
	return func(yield func(Out, error) bool) {
		var zero Out
		r, err := requestJSON(service, endpoint, in, edit)
		if err != nil {
			yield(zero, err)
			return
		}
		for resp, err := range s.Call(ctx, r).Responses() { //nolint:contextcheck // see CallOne
			if err != nil {
				yield(zero, err)
				return
			}
			out, err := responseJSON[Out](resp)
			if !yield(out, err) || err != nil {
				return
			}
		}
	}
}

// CallOneJSON sends a value and returns the one it is answered with, as
// [Service.CallOne] does.
func CallOneJSON[Out any]( //nolint:revive // ctx, s and edit aside it is three
	ctx context.Context, s *Service, service, endpoint string, in any, edit ...func(*Request),
) (Out, error) {
	var zero Out
	r, err := requestJSON(service, endpoint, in, edit)
	if err != nil {
		return zero, err
	}
	resp, err := s.CallOne(ctx, r)
	if err != nil {
		return zero, err
	}
	return responseJSON[Out](resp)
}

// withTypes adds to the options of a handler what it gets and returns.
func withTypes(o []EndpointOption, t info.Types) []EndpointOption {
	return slices.Concat(o, []EndpointOption{endpointOptionFunc(func(e *endpointConfig) { e.types = t })})
}

func requestJSON(service, endpoint string, in any, edit []func(*Request)) (*Request, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("call %s%s: encode the request: %w", service, endpoint, err)
	}
	r := NewRequest(service, endpoint, body)
	r.Header.Add(contentType, jsonType)
	for _, e := range edit {
		e(r)
	}
	return r, nil
}

func responseJSON[Out any](r *Response) (Out, error) {
	var out Out
	if err := json.Unmarshal(r.Body, &out); err != nil {
		return out, fmt.Errorf("call %s%s: decode response %d: %w", r.Service, r.Endpoint, r.Seq, err)
	}
	return out, nil
}

func sendJSON(ctx context.Context, w ResponseWriter, out any, end bool) error {
	body, err := json.Marshal(out)
	if err != nil {
		return fmt.Errorf("encode the response: %w", err)
	}
	resp := NewResponse(body)
	resp.End = end
	resp.Header.Add(contentType, jsonType)
	return w.Send(ctx, resp)
}

// decodeJSON decodes the body of a message that is to be handled.
func decodeJSON[T any](body []byte) (T, error) {
	var v T
	if err := json.Unmarshal(body, &v); err != nil {
		return v, &unserved{&Error{statusBadRequest, fmt.Sprintf("body is not valid: %v", err)}}
	}
	return v, nil
}

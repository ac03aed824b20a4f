package document

import (
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
)

// schemas makes schemas of Go types, as encoding/json writes their values. Those of
// types with names become components, which the others refer to. All types are added
// before any schema is made, so that a name is known to be the only one of its kind.
//
// The schemas are of draft-07, as AsyncAPI's own are. What package jsonschema does not
// know, such as types that refer to themselves, is put into known, for it to use.
type schemas struct {
	seen  map[reflect.Type]bool
	named []reflect.Type // that become components, in the order in which they were added
	plain []reflect.Type // those without a name that package jsonschema can't do, what they need first
	names map[reflect.Type]string
	known map[reflect.Type]*jsonschema.Schema
}

func newSchemas() *schemas {
	return &schemas{
		seen:  make(map[reflect.Type]bool),
		names: make(map[reflect.Type]string),
		known: make(map[reflect.Type]*jsonschema.Schema),
	}
}

// add adds types, of which some may be nil, and those that they need. A type that can't
// be described has no effect on others.
func (s *schemas) add(all ...reflect.Type) {
	for _, t := range all {
		if t != nil && describable(t, make(map[reflect.Type]bool)) == nil {
			s.visit(t)
		}
	}
}

func (s *schemas) visit(t reflect.Type) {
	if s.seen[t] {
		return
	}
	s.seen[t] = true
	if k := special(t); k != nil {
		s.known[t] = k
		return
	}
	component := t.Name() != "" && isCompound(t)
	if component {
		s.named = append(s.named, t)
	}
	for _, e := range elements(t) {
		s.visit(e.typ)
	}
	if !component && (t.Kind() == reflect.Struct || t.Kind() == reflect.Map) {
		s.plain = append(s.plain, t)
	}
}

// make makes the schemas of all types, and returns the components.
func (s *schemas) make() map[string]*jsonschema.Schema {
	s.name()
	for _, t := range s.named {
		s.known[t] = &jsonschema.Schema{Ref: "#/components/schemas/" + s.names[t]}
	}
	for _, t := range s.plain {
		s.known[t] = s.body(t)
	}
	all := make(map[string]*jsonschema.Schema, len(s.named))
	for _, t := range s.named {
		all[s.names[t]] = s.body(t)
	}
	return all
}

// of returns the schema of a type that was added.
func (s *schemas) of(t reflect.Type) (*jsonschema.Schema, error) {
	if err := describable(t, make(map[reflect.Type]bool)); err != nil {
		return nil, err
	}
	return s.schema(t), nil
}

// schema returns what stands for a type.
func (s *schemas) schema(t reflect.Type) *jsonschema.Schema {
	made, err := jsonschema.ForType(t, &jsonschema.ForOptions{TypeSchemas: s.known})
	if err != nil { // it was checked
		return &jsonschema.Schema{Description: err.Error()}
	}
	tidy(made)
	return made
}

// body returns the schema of a compound type itself.
func (s *schemas) body(t reflect.Type) *jsonschema.Schema {
	switch t.Kind() {
	case reflect.Struct:
		return s.object(t)
	case reflect.Map:
		m := &jsonschema.Schema{Types: []string{"null", "object"}, AdditionalProperties: s.schema(t.Elem())}
		if t.Key().Kind() != reflect.String && !is[encoding.TextMarshaler](t.Key()) {
			m.PropertyNames = &jsonschema.Schema{Pattern: "^-?[0-9]+$"}
		}
		return m
	case reflect.Array:
		return s.schema(reflect.ArrayOf(t.Len(), t.Elem()))
	default:
		return s.schema(reflect.SliceOf(t.Elem()))
	}
}

func (s *schemas) object(t reflect.Type) *jsonschema.Schema {
	o := &jsonschema.Schema{Type: "object"}
	for _, f := range fields(t) {
		p := s.schema(f.typ)
		if f.quoted {
			p = &jsonschema.Schema{Type: "string"}
			if f.typ.Kind() == reflect.Pointer {
				p = &jsonschema.Schema{Types: []string{"null", "string"}}
			}
		}
		if f.description != "" && p.Ref != "" { // beside which nothing counts
			p = &jsonschema.Schema{AllOf: []*jsonschema.Schema{p}}
		}
		if f.description != "" {
			p.Description = f.description
		}
		if o.Properties == nil {
			o.Properties = make(map[string]*jsonschema.Schema)
		}
		o.Properties[f.name] = p
		o.PropertyOrder = append(o.PropertyOrder, f.name)
		if !f.optional {
			o.Required = append(o.Required, f.name)
		}
	}
	return o
}

// name gives each component a name: package and type, with the path of the package if
// that is not the only one, and a number if that is not the only one either, as for
// types within functions.
func (s *schemas) name() {
	short := make(map[string]int)
	for _, t := range s.named {
		short[clean(t.String())]++
	}
	taken := make(map[string]bool)
	for _, t := range s.named {
		name := clean(t.String())
		if short[name] > 1 {
			name = clean(strings.ReplaceAll(t.PkgPath(), "/", ".") + "." + t.Name())
		}
		unique := name
		for i := 2; taken[unique]; i++ {
			unique = fmt.Sprintf("%s-%d", name, i)
		}
		taken[unique] = true
		s.names[t] = unique
	}
}

var (
	paths    = regexp.MustCompile(`[\w.~-]+/`)
	notInKey = regexp.MustCompile(`[^A-Za-z0-9.-]+`)
)

// clean returns a name that a component can have: type parameters lose the paths of
// their packages.
func clean(name string) string {
	return strings.Trim(notInKey.ReplaceAllString(paths.ReplaceAllString(name, ""), "_"), "_")
}

// element is a type that another consists of.
type element struct {
	name string // of a field
	typ  reflect.Type
}

func elements(t reflect.Type) []element {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return []element{{typ: t.Elem()}}
	case reflect.Struct:
		var all []element
		for _, f := range fields(t) {
			all = append(all, element{f.name, f.typ})
		}
		return all
	default:
		return nil
	}
}

// describable returns an error if encoding/json can't write values of a type.
func describable(t reflect.Type, seen map[reflect.Type]bool) error {
	if seen[t] || special(t) != nil {
		return nil
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		return fmt.Errorf("%v can't be written as JSON", t)
	case reflect.Map:
		k := t.Key().Kind()
		if k != reflect.String && (k < reflect.Int || k > reflect.Uintptr) && !is[encoding.TextMarshaler](t.Key()) {
			return fmt.Errorf("%v can't be written as JSON", t)
		}
	default:
	}
	for _, e := range elements(t) {
		if err := describable(e.typ, seen); err != nil {
			if e.name != "" {
				return fmt.Errorf("%v, %q: %w", t, e.name, err)
			}
			return err
		}
	}
	return nil
}

// special returns the schema of a type that does not look in JSON as it does in Go; nil
// if it is none.
func special(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[time.Time]():
		return &jsonschema.Schema{Type: "string", Format: "date-time"}
	case reflect.TypeFor[time.Duration]():
		return &jsonschema.Schema{Type: "integer", Description: "nanoseconds"}
	case reflect.TypeFor[json.Number]():
		return &jsonschema.Schema{Type: "number"}
	case reflect.TypeFor[big.Int]():
		return &jsonschema.Schema{Type: "integer"}
	case reflect.TypeFor[slog.Level]():
		return &jsonschema.Schema{Type: "string"}
	default:
		return encoded(t)
	}
}

// encoded returns what is said of a type by its kind, and by its methods for encoding.
func encoded(t reflect.Type) *jsonschema.Schema {
	switch {
	case t.Kind() == reflect.Interface:
		return anything()
	case t.Kind() == reflect.Pointer:
		return nil // what it points to is
	case is[json.Marshaler](t) || is[json.Unmarshaler](t):
		return anything()
	case is[encoding.TextMarshaler](t) || is[encoding.TextUnmarshaler](t):
		return &jsonschema.Schema{Type: "string"}
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 && special(t.Elem()) == nil:
		return &jsonschema.Schema{Types: []string{"null", "string"}, ContentEncoding: "base64"}
	default:
		return nil
	}
}

// is reports whether a type or a pointer to it implements I.
func is[I any](t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[I]()) || reflect.PointerTo(t).Implements(reflect.TypeFor[I]())
}

func isCompound(t reflect.Type) bool {
	return slices.Contains([]reflect.Kind{reflect.Struct, reflect.Map, reflect.Slice, reflect.Array}, t.Kind())
}

func anything() *jsonschema.Schema { return &jsonschema.Schema{Description: "any JSON value"} }

// tidy mends what package jsonschema makes of a pointer to a type that has no "type" in
// its schema: it says that there is only null.
func tidy(s *jsonschema.Schema) {
	switch {
	case s == nil:
		return
	case s.Ref != "" && s.Types != nil:
		s.AnyOf = []*jsonschema.Schema{{Ref: s.Ref}, {Type: "null"}}
		s.Ref, s.Types = "", nil
	case len(s.Types) == 1 && s.Types[0] == "null":
		s.Types = nil
	}
	tidy(s.Items)
	tidy(s.AdditionalProperties)
	for _, p := range s.Properties {
		tidy(p)
	}
}

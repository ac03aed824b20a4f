package document_test

import (
	"bytes"
	"encoding/json"
	html "html/template"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	text "text/template"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/document"
	"github.com/asynccalls/asynccalls/internal/info"
	"github.com/asynccalls/asynccalls/internal/topics"
)

// TestSchemas validates what encoding/json writes by the schemas of its types.
func TestSchemas(t *testing.T) {
	t.Parallel()
	for name, v := range valid() {
		if err := validate(t, v, v); err != nil {
			t.Errorf("%s: not valid: %v", name, err)
		}
	}
	for name, tt := range invalid() {
		if err := validate(t, tt.typ, tt.value); err == nil {
			t.Errorf("%s: %v is a valid %T", name, tt.value, tt.typ)
		}
	}
}

// validate validates a value by the schema of a type.
func validate(t *testing.T, typ, v any) error {
	t.Helper()
	doc := write(t, typ)
	root, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	if err := c.AddResource("doc.json", root); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("doc.json#/components/messages/request.e0/payload")
	if err != nil {
		t.Fatalf("schema of %T: %v\n%s", typ, err, doc)
	}
	body, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(value)
}

// write returns the document of a service with an endpoint for values of each type.
func write(t *testing.T, types ...any) []byte {
	t.Helper()
	d := &info.Description{Service: "s"}
	for i, v := range types {
		pattern := "/e" + string(rune('0'+i))
		d.Endpoints = append(d.Endpoints, info.Handler{
			Route: info.Route{Pattern: pattern}, Types: info.Types{In: reflect.TypeOf(v)},
		})
	}
	doc, err := document.New(document.Info{Title: "T", Version: "1"}, d)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// shape is what the tests below look at.
type shape struct {
	Channels   map[string]struct{ Bindings any }
	Components struct {
		Messages map[string]struct {
			Description string
			Payload     any
		}
		Schemas map[string]struct {
			Properties map[string]map[string]any
			Required   []string
		}
	}
}

func read(t *testing.T, doc []byte) shape {
	t.Helper()
	var s shape
	if err := json.Unmarshal(doc, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFields(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		value    any
		fields   []string
		required []string
	}{
		"document_test.tags": {
			tags{},
			[]string{"-", "Quoted", "comment", "empty", "foreign", "ignored", "other", "pointer", "referred", "zero"},
			[]string{"other", "-", "Quoted", "pointer", "ignored", "comment", "foreign", "referred"},
		},
		"document_test.embedding": {
			embedding{},
			[]string{"Depth", "ID", "More", "Name", "tagged"}, // of two called Twice there is none
			[]string{"ID", "More", "tagged", "Name", "Depth"},
		},
		"document_test.loop":   {loop{}, []string{"A"}, []string{"A"}},
		"document_test.rivals": {rivals{}, []string{"Winner"}, []string{"Winner"}},
	}
	for name, tt := range tests {
		got := read(t, write(t, tt.value)).Components.Schemas[name]
		if diff := cmp.Diff(tt.fields, slices.Sorted(maps.Keys(got.Properties))); diff != "" {
			t.Errorf("fields of %s (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(tt.required, got.Required); diff != "" {
			t.Errorf("required fields of %s (-want +got):\n%s", name, diff)
		}
	}
	got := read(t, write(t, tags{})).Components.Schemas["document_test.tags"].Properties
	described := map[string]any{"comment": "what it is for", "referred": "where it is", "foreign": nil}
	for field, want := range described {
		if got[field]["description"] != want || got[field]["$ref"] != nil { // beside that nothing counts
			t.Errorf("%s is %v, want the description %v", field, got[field], want)
		}
	}
}

// TestNames has types with the same names.
func TestNames(t *testing.T) {
	t.Parallel()
	type point struct{ Z int }
	inner := func() any {
		type point struct{ W int }
		return point{}
	}()
	tests := map[string]struct {
		types []any
		want  []string
	}{
		"one":           {[]any{valid()["page"]}, []string{"document_test.page_document_test.point", "document_test.point"}},
		"of functions":  {[]any{point{}, inner, Tagged{}}, []string{"document_test.Tagged", "github.com.asynccalls.asynccalls.internal.document_test.point", "github.com.asynccalls.asynccalls.internal.document_test.point-2"}},
		"two packages":  {[]any{html.Template{}, text.Template{}}, []string{"html.template.Template", "text.template.Template"}},
		"of a function": {[]any{point{}}, []string{"document_test.point"}},
	}
	for name, tt := range tests {
		var got []string
		for key := range read(t, write(t, tt.types...)).Components.Schemas {
			if !strings.HasPrefix(key, "parse.") {
				got = append(got, key)
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: names (-want +got):\n%s", name, diff)
		}
	}
}

// TestNoSchema has types that can't be written as JSON, beside one that can.
func TestNoSchema(t *testing.T) {
	t.Parallel()
	type bad struct {
		Good point
		Next *bad
		F    map[string]func() `json:"f"`
	}
	tests := map[string]struct {
		value any
		want  string
	}{
		"chan":    {make(chan int), "There is no schema: chan int can't be written as JSON."},
		"complex": {[]complex64{}, "There is no schema: complex64 can't be written as JSON."},
		"keys":    {map[point]int{}, "There is no schema: map[document_test.point]int can't be written as JSON."},
		"field":   {&bad{}, `There is no schema: document_test.bad, "f": func() can't be written as JSON.`},
	}
	for name, tt := range tests {
		got := read(t, write(t, tt.value, point{})).Components
		if m := got.Messages["request.e0"]; m.Description != tt.want || m.Payload != nil {
			t.Errorf("%s: description is %q with payload %v, want %q and none", name, m.Description, m.Payload, tt.want)
		}
		if len(got.Schemas) != 1 || got.Messages["request.e1"].Payload == nil {
			t.Errorf("%s: there are %d schemas, want that of the other type", name, len(got.Schemas))
		}
	}
}

// TestTopics has a topic with settings, and one whose settings are not known.
func TestTopics(t *testing.T) {
	t.Parallel()
	d := info.Describe("s", "p.", []info.Route{{Pattern: "/a"}}, nil)
	d.Topics = map[string]driver.Topic{topics.Requests: {Partitions: 3, Replicas: 2, Config: map[string]string{"retention.ms": "1", "x": "y"}}}
	doc, err := document.New(document.Info{}, d)
	if err != nil {
		t.Fatal(err)
	}
	got := read(t, doc).Channels
	want := map[string]any{"kafka": map[string]any{
		"partitions": 3.0, "replicas": 2.0, "bindingVersion": "0.5.0",
		"topicConfiguration": map[string]any{"retention.ms": 1.0, "x": "y"},
	}}
	if diff := cmp.Diff(any(want), got["requests"].Bindings); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if b := got["dead"].Bindings; b != nil {
		t.Errorf("dead letters have %v, want nothing", b)
	}
}

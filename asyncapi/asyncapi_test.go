package asyncapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.uber.org/goleak"

	"github.com/asynccalls/asynccalls"
	"github.com/asynccalls/asynccalls/asyncapi"
	"github.com/asynccalls/asynccalls/asynccallstest"
	"github.com/asynccalls/asynccalls/driver"
	"github.com/asynccalls/asynccalls/internal/document"
	"github.com/asynccalls/asynccalls/internal/info"
)

// official is the environment variable that names the JSON Schema of AsyncAPI 3.0.0, as
// scripts/asyncapi-schema fetches it.
const official = "ASYNCCALLS_ASYNCAPI"

var update = flag.Bool("update", false, "write the files of testdata")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type node struct {
	Name     string            `json:"name"`
	Children []node            `json:"children,omitempty"`
	Labels   map[string]string `json:"labels"`
}

type order struct {
	ID       string        `json:"id"       jsonschema:"as the customer has it"`
	Items    []item        `json:"items"`
	Due      *time.Time    `json:"due,omitempty"`
	Patience time.Duration `json:"patience"`
	Note     any           `json:"note,omitempty"`
}

type item struct {
	Article string `json:"article"`
	Cents   uint32 `json:"cents" jsonschema:"of one"`
}

type parcel struct {
	Number int    `json:"number"`
	Label  []byte `json:"label"`
}

func bytesIn(context.Context, asynccalls.ResponseWriter, *asynccalls.Request) error { return nil }

func unary[In, Out any](s *asynccalls.Service, pattern string, o ...asynccalls.EndpointOption) {
	asynccalls.HandleJSON(s, pattern, func(context.Context, In) (Out, error) { return *new(Out), nil }, o...)
}

func stream[In, Out any](s *asynccalls.Service, pattern string, o ...asynccalls.EndpointOption) {
	asynccalls.StreamJSON(s, pattern, func(context.Context, In, func(Out) error) error { return nil }, o...)
}

func listener[T any](s *asynccalls.Service, service, pattern string, o ...asynccalls.EndpointOption) {
	asynccalls.HandleResponsesJSON(s, service, pattern,
		func(context.Context, *asynccalls.Response, T) error { return nil }, o...)
}

// services are those whose documents are looked at: their options, and what registers
// their handlers.
func services() map[string]func(s *asynccalls.Service) {
	return map[string]func(s *asynccalls.Service){
		"typed": func(s *asynccalls.Service) { unary[order, parcel](s, "/orders") },
		"bytes": func(s *asynccalls.Service) { s.Handle("/raw", bytesIn) },
		"wildcards": func(s *asynccalls.Service) {
			unary[order, parcel](s, "/orders/{id}")
			stream[order, parcel](s, "/orders/{id}/parcels/")
			s.Handle("/orders/{$}", bytesIn)
			s.Handle("/files/{path...}", bytesIn)
			s.Handle("/", bytesIn)
			s.Handle("/café/100% arabica", bytesIn)
		},
		"recursive":         func(s *asynccalls.Service) { stream[node, *node](s, "/trees") },
		"nothing in it":     func(s *asynccalls.Service) { unary[struct{}, any](s, "/ping") },
		"no schema":         func(s *asynccalls.Service) { unary[order, chan int](s, "/odd") },
		"responses only":    func(s *asynccalls.Service) { listener[parcel](s, "post", "/{any...}") },
		"only the document": func(*asynccalls.Service) {},
		"all":               rich,
	}
}

// rich registers a bit of everything.
func rich(s *asynccalls.Service) {
	unary[order, parcel](s, "/orders/{id}", asynccalls.Limits{Handler: 5 * time.Second}, asynccalls.Retry{Attempts: 3})
	stream[node, node](s, "/trees")
	s.Handle("/files/{path...}", bytesIn)
	listener[parcel](s, "post", "/parcels/{id}", asynccalls.WithEnds())
	s.HandleResponses("audit", "/log", func(context.Context, *asynccalls.Response) error { return nil })
}

// ask starts a service in the testing mode, and returns its document and the one that is
// made of what it says at "/$info".
func ask(t *testing.T, register func(*asynccalls.Service)) (own, foreign []byte) {
	t.Helper()
	settings := asynccalls.Topics{Prefix: "test.", Partitions: 6, Replicas: 3, Retention: 48 * time.Hour}
	asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
		i := b.Start(func(d driver.Driver) (*asynccalls.Service, error) {
			s, err := asynccalls.New("shop", d, settings)
			if err == nil {
				register(s)
				asyncapi.Handle(s, asyncapi.Info{Version: "1.2.3", Description: "Sells <things> & ships them."})
			}
			return s, err
		})
		own = body(t, i.Call(asynccalls.NewRequest("shop", info.AsyncAPI, nil)))
		if again := body(t, i.Call(asynccalls.NewRequest("shop", info.AsyncAPI, nil))); !bytes.Equal(own, again) {
			t.Errorf("asked again, the document is\n%s\nwant\n%s", again, own)
		}
		var answer info.Info
		if err := json.Unmarshal(body(t, i.Call(asynccalls.NewRequest("shop", info.Endpoint, nil))), &answer); err != nil {
			t.Fatal(err)
		}
		var err error
		described := info.Describe(answer.Service, "test.", answer.Endpoints, answer.Responses)
		if foreign, err = document.New(document.Info{Version: "1"}, described); err != nil {
			t.Fatal(err)
		}
	}, asynccallstest.Defaults(settings))
	return own, foreign
}

func body(t testing.TB, r *asynccallstest.Result) []byte {
	t.Helper()
	if len(r.Responses) != 1 || r.Err != nil {
		t.Fatalf("got %d responses and %v, want one", len(r.Responses), r.Err)
	}
	return r.Responses[0].Body
}

// TestDocuments checks documents by what must be so, and by the official schema if there
// is one.
func TestDocuments(t *testing.T) {
	t.Parallel()
	checks := map[string]func(*testing.T, []byte){"references": referring, "keys": keyed}
	if schema := officialSchema(t); schema != nil {
		checks["official"] = func(t *testing.T, doc []byte) {
			if err := schema.Validate(decode(t, doc)); err != nil {
				t.Errorf("document is not valid: %v\n%s", err, doc)
			}
		}
	}
	for name, register := range services() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			own, foreign := ask(t, register)
			for check, f := range checks {
				t.Run(check, func(t *testing.T) {
					t.Parallel()
					f(t, own)
					f(t, foreign)
				})
			}
		})
	}
}

// officialSchema returns the schema of AsyncAPI, or nil if the environment names none.
func officialSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	file := os.Getenv(official)
	if file == "" {
		return nil
	}
	schema, err := jsonschema.NewCompiler().Compile(file)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func decode(t *testing.T, doc []byte) map[string]any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	m, _ := v.(map[string]any)
	return m
}

// referring checks that each reference leads somewhere.
func referring(t *testing.T, doc []byte) {
	root := decode(t, doc)
	walk(root, func(m map[string]any) {
		ref, ok := m["$ref"].(string)
		if !ok {
			return
		}
		at := any(root)
		for _, step := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
			next, _ := at.(map[string]any)
			at = next[step]
		}
		if at == nil {
			t.Errorf("%q leads nowhere", ref)
		}
	})
}

// keyed checks that keys are such as AsyncAPI allows for components, and that what is for
// tools is left out.
func keyed(t *testing.T, doc []byte) {
	root := decode(t, doc)
	valid := regexp.MustCompile(`^[a-zA-Z0-9._-]+$`)
	components, _ := root["components"].(map[string]any)
	for _, part := range []any{root["channels"], root["operations"], components["messages"], components["schemas"]} {
		all, _ := part.(map[string]any)
		for key := range all {
			if !valid.MatchString(key) {
				t.Errorf("key is %q", key)
			}
		}
	}
	if bytes.Contains(doc, []byte("/$")) {
		t.Errorf("an endpoint for tools is in\n%s", doc)
	}
}

// walk calls f for each object.
func walk(v any, f func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		f(v)
		for _, e := range v {
			walk(e, f)
		}
	case []any:
		for _, e := range v {
			walk(e, f)
		}
	}
}

// TestMutants changes a document so that the official schema, if there is one, must
// refuse it.
func TestMutants(t *testing.T) {
	t.Parallel()
	own, _ := ask(t, rich)
	tests := map[string]struct{ from, to string }{
		"no version":          {`"version": "1.2.3"`, `"x-version": "1.2.3"`},
		"another action":      {`"action": "receive"`, `"action": "serve"`},
		"no channel":          {`"channel": {`, `"x-channel": {`},
		"type of a schema":    {`"type": "integer"`, `"type": "int"`},
		"unknown field":       {`"title": "Dead letter"`, `"heading": "Dead letter"`},
		"version of bindings": {`"bindingVersion": "0.5.0"`, `"bindingVersion": "0.0.9"`},
		"retention":           {`"retention.ms": 172800000`, `"retention.ms": "2d"`},
		"extension":           {`"x-asynccalls"`, `"asynccalls"`},
		"parameter":           {`"parameters": {`, `"params": {`},
	}
	schema := officialSchema(t)
	for name, tt := range tests {
		mutant := bytes.ReplaceAll(own, []byte(tt.from), []byte(tt.to))
		if bytes.Equal(own, mutant) {
			t.Errorf("%s: there is no %s", name, tt.from)
		}
		if schema != nil {
			t.Run("official "+name, func(t *testing.T) {
				t.Parallel()
				if schema.Validate(decode(t, mutant)) == nil {
					t.Errorf("document is valid with %s in place of %s", tt.to, tt.from)
				}
			})
		}
	}
}

// TestGolden compares documents with files.
func TestGolden(t *testing.T) {
	t.Parallel()
	own, foreign := ask(t, rich)
	var prices []byte
	asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
		prices = body(t, b.Start(newPrices).Call(asynccalls.NewRequest("prices", info.AsyncAPI, nil)))
	})
	for name, got := range map[string][]byte{"shop.json": own, "shop-foreign.json": foreign, "prices.json": prices} {
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s; if it is meant, run go test -update (-want +got):\n%s", name, diff)
		}
	}
}

// TestHandle looks at the response itself, and at what Info leaves out.
func TestHandle(t *testing.T) {
	t.Parallel()
	asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
		i := b.Start(func(d driver.Driver) (*asynccalls.Service, error) {
			s, err := asynccalls.New("shop", d)
			if err == nil {
				asyncapi.Handle(s, asyncapi.Info{})
			}
			return s, err
		})
		got := i.Call(asynccalls.NewRequest("shop", info.AsyncAPI, nil))
		doc := body(t, got)
		if typ := got.Responses[0].Header.Get("content-type"); typ != "application/vnd.aai.asyncapi+json;version=3.0.0" {
			t.Errorf("content type is %q", typ)
		}
		var head struct{ Info asyncapi.Info }
		if err := json.Unmarshal(doc, &head); err != nil || head.Info.Title != "shop" || head.Info.Version == "" {
			t.Errorf("head is %+v and %v, want the name of the service, and a version", head, err)
		}
	})
}

// TestHandleTwice has a service with two documents.
func TestHandleTwice(t *testing.T) {
	t.Parallel()
	asynccallstest.Run(t, func(t testing.TB, b *asynccallstest.Broker) {
		s := b.Client()
		asyncapi.Handle(s, asyncapi.Info{})
		defer func() {
			if p := fmt.Sprint(recover()); !strings.Contains(p, `"/$asyncapi" already has a handler`) {
				t.Errorf("panic is %q", p)
			}
		}()
		asyncapi.Handle(s, asyncapi.Info{})
	})
}

package document_test

import (
	"cmp"
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/asynccalls/asynccalls/internal/document"
	"github.com/asynccalls/asynccalls/internal/info"
	"github.com/asynccalls/asynccalls/internal/route"
)

// vector is a test vector of the protocol.
type vector struct {
	Name, Header string
	Fields       struct {
		Kind, Endpoint, Service, From string
		Status                        int
		Bare                          bool
	}
}

func vectors(t *testing.T, file string) []vector {
	t.Helper()
	text, err := os.ReadFile("../../testdata/wire/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(text, &all); err != nil || len(all) < 10 {
		t.Fatalf("%s: %d vectors and %v", file, len(all), err)
	}
	return all
}

// patterns returns patterns that match an endpoint.
func patterns(endpoint string) []string {
	all := []string{"/{any...}"}
	if strings.HasSuffix(endpoint, "/") {
		endpoint += "{$}"
	}
	if _, err := route.Parse(endpoint); err == nil {
		all = append(all, endpoint)
	}
	return all
}

// TestHeaders has the test vectors of the protocol tell the messages apart: each header is
// that of one message of its operation, and of the right one.
func TestHeaders(t *testing.T) {
	t.Parallel()
	looked := 0
	for _, v := range vectors(t, "requests.json") {
		for _, pattern := range patterns(v.Fields.Endpoint) {
			doc := info.Describe("s", "", []info.Route{{Pattern: pattern}}, nil)
			got := matching(t, doc, "serve.", v.Header)
			if len(got) != 1 || !strings.HasPrefix(got[0], "request.") {
				t.Errorf("%s: %q is that of %v", v.Name, v.Header, got)
			}
			if v.Fields.Kind == "s" {
				doc = info.Describe(v.Fields.From, "", nil, []info.Route{{Service: "s", Pattern: pattern}})
				if got := matching(t, doc, "send.", v.Header); !slices.ContainsFunc(got, isTo) {
					t.Errorf("%s: %q, sent, is that of %v", v.Name, v.Header, got)
				}
			}
			looked++
		}
	}
	for _, v := range vectors(t, "responses.json") {
		want := "response."
		switch {
		case v.Fields.Bare:
			want = "end"
		case v.Fields.Status >= 400:
			want = "error"
		}
		service := cmp.Or(v.Fields.Service, "s")
		for _, pattern := range patterns(cmp.Or(v.Fields.Endpoint, "/e")) {
			doc := info.Describe(service, "", []info.Route{{Pattern: pattern}}, nil)
			got := matching(t, doc, "serve.", v.Header)
			if len(got) != 1 || !strings.HasPrefix(got[0], want) {
				t.Errorf("%s: %q is that of %v, want %q", v.Name, v.Header, got, want)
			}
			if v.Fields.Kind == "d" {
				doc = info.Describe("s", "", nil, []info.Route{{Service: service, Pattern: pattern}})
				want := strings.Replace(want, "response.", "from.", 1)
				if got := matching(t, doc, "handle.", v.Header); len(got) != 1 || !strings.HasPrefix(got[0], want) {
					t.Errorf("%s: %q, received, is that of %v, want %q", v.Name, v.Header, got, want)
				}
			}
			looked++
		}
	}
	if looked < 50 {
		t.Errorf("%d headers were looked at, want more", looked)
	}
	other := info.Describe("s", "", []info.Route{{Pattern: "/a/{b}"}}, nil)
	for _, header := range []string{"1 c id /a c 1 0.a.0.0", "1 n id /a/b/c c", "1 x id /a/b c", "2 n id /a/b c"} {
		if got := matching(t, other, "serve.", header); got != nil {
			t.Errorf("%q is that of %v, want none", header, got)
		}
	}
}

func isTo(message string) bool { return strings.HasPrefix(message, "to.") }

// matching returns the messages of an operation whose key begins so, to which a header
// fits.
func matching(t *testing.T, d *info.Description, operation, header string) []string {
	t.Helper()
	text, err := document.New(document.Info{}, d)
	if err != nil {
		t.Fatal(err)
	}
	type reference struct {
		Ref string `json:"$ref"`
	}
	var doc struct {
		Operations map[string]struct {
			Messages []reference
			Reply    struct{ Messages []reference }
		}
		Components struct {
			Messages map[string]struct {
				Headers struct {
					Properties struct{ AC struct{ Pattern string } }
				}
			}
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	var all []string
	for key, o := range doc.Operations {
		if !strings.HasPrefix(key, operation) {
			continue
		}
		for _, r := range slices.Concat(o.Messages, o.Reply.Messages) {
			name := r.Ref[strings.LastIndex(r.Ref, "/")+1:]
			if regexp.MustCompile(doc.Components.Messages[name].Headers.Properties.AC.Pattern).MatchString(header) {
				all = append(all, name)
			}
		}
	}
	return all
}

// TestUnary tells an endpoint with one response from one with any number.
func TestUnary(t *testing.T) {
	t.Parallel()
	for unary, want := range map[bool][]string{true: nil, false: {"end"}} {
		d := &info.Description{Service: "s", Endpoints: []info.Handler{{
			Route: info.Route{Pattern: "/a"}, Types: info.Types{Out: reflect.TypeFor[int](), Unary: unary},
		}}}
		got := matching(t, d, "serve.", "1 r 0.a.0.0 id.run.1 b")
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("unary %v: ends (-want +got):\n%s", unary, diff)
		}
	}
}

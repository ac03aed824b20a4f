package route_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/asynccalls/asynccalls/internal/route"
)

// patterns and paths are small enough to compare each pair with net/http.
var (
	patterns = []string{
		"/", "/{$}", "/a", "/a/", "/a/{$}", "/a/b", "/{x}", "/{x}/", "/{x}/b", "/a/{x}", "/{x}/{y}", "/a/{x...}",
		"/{x}/b/{y...}", "/a/b/c", "/a/{x}/c", "/{x...}", "/a/b/", "/{x}/{y}/{$}", "/b", "/b/{x}/d",
	}
	paths = []string{
		"/", "/a", "/b", "/a/", "/b/", "/a/b", "/a/c", "/c/b", "/a/b/", "/a/b/c", "/a/c/c", "/b/c/d", "/c/b/x/y", "/a/b/c/d",
	}
)

func TestMuxAgreesWithNetHTTP(t *testing.T) {
	t.Parallel()
	for _, p := range patterns {
		for _, q := range patterns {
			ours, theirs := new(route.Mux[string]), http.NewServeMux()
			for _, pattern := range []string{p, q} {
				err := ours.Add(pattern, pattern)
				refused := register(theirs, pattern)
				if (err != nil) != refused {
					t.Fatalf("%q beside %q: got error %v, net/http panics: %t", q, p, err, refused)
				}
			}
			for _, path := range paths {
				want, ok := matched(theirs, path)
				if !ok {
					continue
				}
				got := ""
				if r := ours.Find(path); r != nil {
					got = r.Handler
				}
				if got != want {
					t.Errorf("%q and %q: path %q found %q, want %q", p, q, path, got, want)
				}
			}
		}
	}
}

func register(m *http.ServeMux, pattern string) (refused bool) {
	defer func() { refused = recover() != nil }()
	m.Handle(pattern, http.NotFoundHandler())
	return false
}

// matched returns the pattern that net/http finds. It reports false where
// net/http would redirect to a path with a slash at its end: calls are not
// redirected.
func matched(m *http.ServeMux, path string) (pattern string, ok bool) {
	r := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: path}}
	h, pattern := m.Handler(r)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return pattern, w.Code != http.StatusMovedPermanently && w.Code != http.StatusTemporaryRedirect
}

func TestFindNothing(t *testing.T) {
	t.Parallel()
	m := new(route.Mux[int])
	if err := m.Add("/{x...}", 1); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", "x", "x/y"} {
		if r := m.Find(path); r != nil {
			t.Errorf("path %q found %q, want nothing", path, r.Pattern)
		}
	}
	if m.Len() != 1 {
		t.Errorf("mux has %d patterns, want 1", m.Len())
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ pattern, want string }{
		"no slash":          {"orders", "does not begin with"},
		"empty":             {"", "does not begin with"},
		"empty segment":     {"/a//b", "empty segment"},
		"part of a segment": {"/a{id}", "whole segment"},
		"not closed":        {"/{id", "whole segment"},
		"not opened":        {"/id}", "whole segment"},
		"no name":           {"/{}", "wildcard name"},
		"bad name":          {"/{1a}", "wildcard name"},
		"rest in between":   {"/{x...}/a", "last segment"},
		"end in between":    {"/{$}/a", "wildcard name"},
		"name twice":        {"/{x}/{x}", "occurs twice"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := route.Parse(tt.pattern)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("pattern %q gave error %v, want one with %q", tt.pattern, err, tt.want)
			}
		})
	}
}

func TestValue(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ pattern, path, name, want string }{
		"one":          {"/orders/{id}", "/orders/17", "id", "17"},
		"in between":   {"/orders/{id}/lines/{line}", "/orders/17/lines/3", "id", "17"},
		"second":       {"/orders/{id}/lines/{line}", "/orders/17/lines/3", "line", "3"},
		"rest":         {"/files/{path...}", "/files/a/b/c", "path", "a/b/c"},
		"empty rest":   {"/files/{path...}", "/files/", "path", ""},
		"unknown name": {"/orders/{id}", "/orders/17", "nr", ""},
		"no name":      {"/orders/", "/orders/17", "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := route.Parse(tt.pattern)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Value(tt.path, tt.name); got != tt.want {
				t.Errorf("value of %q is %q, want %q", tt.name, got, tt.want)
			}
		})
	}
	if got := (*route.Pattern)(nil).Value("/a", "x"); got != "" {
		t.Errorf("value without a pattern is %q, want none", got)
	}
}

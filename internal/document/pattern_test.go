package document

import (
	"regexp"
	"strings"
	"testing"

	"github.com/asynccalls/asynccalls/internal/route"
	"github.com/asynccalls/asynccalls/internal/wire"
)

func TestKey(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"/":                "",
		"/{$}":             "_24_",
		"/orders":          "orders",
		"/orders/":         "orders.",
		"/orders/{$}":      "orders._24_",
		"/orders/{id}":     "orders._id_",
		"/orders/id":       "orders.id",
		"/orders/_id_":     "orders._5Fid_5F",
		"/orders/{_id}":    "orders.__id_",
		"/orders.id":       "orders_2Eid",
		"/orders/{id...}":  "orders._id..._",
		"/show-me":         "show-me",
		"/show_me":         "show_me",
		"/show_2Eme":       "show_5F2Eme",
		"/show.me":         "show_2Eme",
		"/show_2eme":       "show_2eme",
		"/Orders":          "Orders",
		"/café":            "caf_C3_A9",
		"/a b":             "a_20b",
		"/{a}/{b}":         "_a_._b_",
		"/_":               "_5F",
		"/__":              "_5F_5F",
		"/a_b_c":           "a_b_c",
		"/a_":              "a_5F",
		"/a__b":            "a__b",
		"/a_F":             "a_F",
		"/a_FF":            "a_5FFF",
		"/orders/{id}/":    "orders._id_.",
		"/orders/{id}/{$}": "orders._id_._24_",
		"/orders/24":       "orders.24",
		"/orders/~24":      "orders._7E24",
	}
	from := make(map[string]string)
	for pattern, want := range tests {
		if _, err := route.Parse(pattern); err != nil {
			t.Fatal(err)
		}
		got := key(pattern)
		if got != want {
			t.Errorf("key of %q is %q, want %q", pattern, got, want)
		}
		if other, ok := from[got]; ok {
			t.Errorf("key of %q is that of %q: %q", pattern, other, got)
		}
		from[got] = pattern
	}
}

// FuzzKey looks for two patterns that have the same key.
func FuzzKey(f *testing.F) {
	f.Add("/a/{b}", "/a/_b_")
	f.Add("/a_2E", "/a.")
	f.Add("/{a...}", "/{a}")
	f.Fuzz(func(t *testing.T, a, b string) {
		_, errA := route.Parse(a)
		_, errB := route.Parse(b)
		if errA != nil || errB != nil {
			return
		}
		if (key(a) == key(b)) != (a == b) {
			t.Errorf("keys of %q and %q are %q and %q", a, b, key(a), key(b))
		}
		if strings.Trim(key(a), "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") != "" {
			t.Errorf("key of %q is %q", a, key(a))
		}
	})
}

// TestExpression matches paths by pattern and by expression: both must agree.
func TestExpression(t *testing.T) {
	t.Parallel()
	patterns := []string{
		"/", "/{$}", "/orders", "/orders/", "/orders/{$}", "/orders/{id}", "/files/{path...}", "/a.b/{c}/d", "/café/{x}",
	}
	paths := []string{
		"/", "/orders", "/orders/", "/orders/1", "/orders/1/2", "/files/", "/files/a/b", "/files", "/a.b/1/d", "/aXb/1/d",
		"/café/1", "/orders/a b", "/orders/100%", "//", "/orders//",
	}
	for _, pattern := range patterns {
		var mux route.Mux[int]
		if err := mux.Add(pattern, 0); err != nil {
			t.Fatal(err)
		}
		match := regexp.MustCompile("^" + expression(pattern) + "$")
		for _, path := range paths {
			want := mux.Find(path) != nil
			if got := match.MatchString(wire.EscapeEndpoint(path)); got != want {
				t.Errorf("%q matches %q by %v: %v, want %v", pattern, path, match, got, want)
			}
		}
	}
}

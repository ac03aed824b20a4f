package route_test

import (
	"fmt"
	"testing"

	"github.com/asynccalls/asynccalls/internal/route"
)

// BenchmarkFind finds the pattern that was registered last, by how many there are.
func BenchmarkFind(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000} {
		for name, form := range map[string]struct{ pattern, path string }{
			"literals":  {"/orders%d/new", "/orders%d/new"},
			"wildcards": {"/orders%d/{id}", "/orders%d/17"},
		} {
			b.Run(fmt.Sprint(name, "=", n), func(b *testing.B) {
				m := muxOf(b, numbered(form.pattern, n))
				benchFind(b, m, fmt.Sprintf(form.path, n-1), true)
			})
		}
	}
}

// BenchmarkFindNothing asks for a path that no pattern matches.
func BenchmarkFindNothing(b *testing.B) {
	benchFind(b, muxOf(b, numbered("/orders%d/{id}", 1000)), "/invoices/17", false)
}

// BenchmarkFindEverywhere has the search visit the whole tree: 256 patterns begin
// as the path does, each in another way, and none ends like it.
func BenchmarkFindEverywhere(b *testing.B) {
	benchFind(b, muxOf(b, tangled()), "/a/a/a/a/a/a/a/a/none", false)
}

func benchFind(b *testing.B, m *route.Mux[string], path string, found bool) {
	b.Helper()
	if got := m.Find(path) != nil; got != found {
		b.Fatalf("path %q found: %t, want %t", path, got, found)
	}
	b.ReportAllocs()
	for b.Loop() {
		m.Find(path)
	}
}

func TestFindAllocatesNothing(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts those of the whole process
	m := muxOf(t, append(tangled(), "/orders/new", "/orders/{id}", "/{path...}"))
	for _, path := range []string{
		"", "/", "/orders/new", "/orders/17", "/files/", "/files/a/b/c", "/a/a/a/a/a/a/a/a/none", "/a/b/a/b/a/b/a/b/7",
	} {
		if got := testing.AllocsPerRun(100, func() { m.Find(path) }); got != 0 {
			t.Errorf("finding %q allocates %v times, want none", path, got)
		}
	}
}

func muxOf(tb testing.TB, patterns []string) *route.Mux[string] {
	tb.Helper()
	m := new(route.Mux[string])
	for _, p := range patterns {
		if err := m.Add(p, p); err != nil {
			tb.Fatal(err)
		}
	}
	return m
}

func numbered(format string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(format, i)
	}
	return all
}

// tangled returns patterns of eight segments that are each "a" or a wildcard, and a
// last one that is different in each, so that none conflicts with another.
func tangled() []string {
	all := make([]string, 1<<8)
	for i := range all {
		for bit := range 8 {
			if i>>bit&1 == 0 {
				all[i] += "/a"
			} else {
				all[i] += fmt.Sprintf("/{x%d}", bit)
			}
		}
		all[i] += fmt.Sprintf("/%d", i)
	}
	return all
}

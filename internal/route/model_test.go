package route

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestMuxModel registers random patterns and asks for random paths, and checks all
// that comes back against a list that is searched from its beginning. Segments are
// few, so that many patterns match one path, and many begin like it and do not.
func TestMuxModel(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var added, refused, found, missed, wrongWays int
	for range 500 {
		mux, model := new(Mux[int]), &list{literals: map[string]*Pattern{}}
		for nr := range random.IntN(80) {
			pattern := randomPattern(random)
			err, want := mux.Add(pattern, nr), model.add(pattern)
			if fmt.Sprint(err) != fmt.Sprint(want) {
				t.Fatalf("pattern %q beside %q: got error %v, want %v", pattern, model.all(), err, want)
			}
			if err == nil {
				added++
			} else {
				refused++
			}
		}
		checkAll(t, mux, model)
		for range 80 {
			path := randomPath(random)
			got, want := "", ""
			if r := mux.Find(path); r != nil {
				got = r.Pattern.text
			}
			p := model.find(path)
			if p != nil {
				want = p.text
			}
			switch {
			case got != want:
				t.Fatalf("path %q found %q, want %q, of %q", path, got, want, model.all())
			case p == nil:
				missed++
			case model.misleads(path, p):
				wrongWays++
				fallthrough
			default:
				found++
			}
		}
	}
	t.Logf("%d patterns, %d refused; %d paths, %d not found, %d behind a wrong way", added, refused, found, missed, wrongWays)
	if min(added, refused, found, missed, wrongWays) < 1000 {
		t.Error("the patterns and paths do not try everything")
	}
}

// checkAll wants all routes, and those with wildcards in the order of the model.
func checkAll(t *testing.T, mux *Mux[int], model *list) {
	t.Helper()
	var got []string
	literals := 0
	for r := range mux.All() {
		switch {
		case !r.Pattern.literal:
			got = append(got, r.Pattern.text)
		case model.literals[strings.TrimSuffix(r.Pattern.text, "{$}")] == nil || len(got) > 0:
			t.Fatalf("all have %q, or have it too late", r.Pattern)
		default:
			literals++
		}
	}
	var want []string
	for _, p := range model.wildcards {
		want = append(want, p.text)
	}
	if !slices.Equal(got, want) || literals != len(model.literals) || mux.Len() != len(model.all()) {
		t.Fatalf("all are %d literals and %q, want %d and %q", literals, got, len(model.literals), want)
	}
}

func randomPattern(random *rand.Rand) string {
	var b strings.Builder
	depth := 1 + random.IntN(5)
	for i := range depth {
		switch k := random.IntN(20); {
		case k < 8:
			b.WriteString("/" + string(rune('a'+random.IntN(3))))
		case k < 9:
			b.WriteString("/é")
		case k < 10:
			b.WriteString("/%61")
		case k < 16 || i < depth-1:
			fmt.Fprintf(&b, "/{%c%d}", 'x'+rune(random.IntN(2)), i)
		case k < 17:
			b.WriteString("/{$}")
		case k < 18:
			b.WriteString("/")
		default:
			b.WriteString("/{z...}")
		}
	}
	return b.String()
}

// randomPath returns a path that may have empty segments, and segments that are
// special in a pattern or in a URL. Some do not begin with "/".
func randomPath(random *rand.Rand) string {
	segments := []string{"a", "a", "a", "b", "b", "c", "c", "d", "é", "%61", "", "{$}", "{x0}", "a%2Fb"}
	var b strings.Builder
	for range random.IntN(7) {
		b.WriteString("/" + segments[random.IntN(len(segments))])
	}
	if path := b.String(); path != "" && random.IntN(50) == 0 {
		return path[1:]
	}
	return b.String()
}

// list is the plainest form of a Mux: patterns with wildcards, of which those that
// are more specific stand first, are tried one after the other.
type list struct {
	literals  map[string]*Pattern
	wildcards []*Pattern
}

func (l *list) all() []*Pattern {
	all := slices.Clone(l.wildcards)
	for _, p := range l.literals {
		all = append(all, p)
	}
	return all
}

func (l *list) add(pattern string) error {
	p, err := Parse(pattern)
	if err != nil {
		return err
	}
	if p.literal {
		path := strings.TrimSuffix(pattern, "{$}")
		if l.literals[path] != nil {
			return fmt.Errorf("pattern %q already has a handler", pattern)
		}
		l.literals[path] = p
		return nil
	}
	at := len(l.wildcards)
	for i, other := range l.wildcards {
		switch compare(p, other) {
		case equal:
			return fmt.Errorf("pattern %q already has a handler: it matches the same paths as %q", pattern, other)
		case overlapping:
			return fmt.Errorf("pattern %q conflicts with %q: both match some paths and neither is more specific",
				pattern, other)
		case narrower:
			at = min(at, i)
		case wider, disjoint:
		}
	}
	l.wildcards = slices.Insert(l.wildcards, at, p)
	return nil
}

func (l *list) find(path string) *Pattern {
	if p := l.literals[path]; p != nil {
		return p
	}
	if path == "" || path[0] != '/' {
		return nil
	}
	for _, p := range l.wildcards {
		if matches(p, path) {
			return p
		}
	}
	return nil
}

// misleads reports whether a search for a path goes a wrong way before it finds the
// pattern: another begins with the same segments, goes on with a narrower one that
// matches the path too, and fails only behind it.
func (l *list) misleads(path string, found *Pattern) bool {
	for _, p := range l.wildcards {
		for i := range min(len(p.segments), len(found.segments)) {
			r := compareSegments(p.segments[i], found.segments[i])
			if r == narrower && begins(path, p.segments[:i+1]) {
				return true
			}
			if r != equal {
				break
			}
		}
	}
	return false
}

// begins reports whether the path begins with segments.
func begins(path string, segments []segment) bool {
	parts := strings.SplitAfterN(path[1:], "/", len(segments)+1)
	if len(parts) < len(segments) {
		return false
	}
	path = strings.TrimSuffix(strings.Join(parts[:len(segments)], ""), "/")
	return matches(&Pattern{segments: segments}, "/"+path)
}

// matches reports whether a pattern matches a path, which begins with "/".
func matches(p *Pattern, path string) bool {
	path = path[1:]
	for i, s := range p.segments {
		if s.kind == rest {
			return true
		}
		part, remainder, more := strings.Cut(path, "/")
		if s.kind == literal && part != s.text || s.kind == wildcard && part == "" {
			return false
		}
		if last := i == len(p.segments)-1; last == more {
			return false
		}
		path = remainder
	}
	return true
}

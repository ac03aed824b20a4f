package route

import (
	"fmt"
	"iter"
	"slices"
	"strings"
)

// Mux holds handlers of type T by pattern. It is safe for concurrent use once
// all handlers are registered.
type Mux[T any] struct {
	literals  map[string]*Route[T]
	wildcards []*Route[T] // those that are more specific stand first
	tree      node[T]     // has the wildcards, to find them
}

// Route is a handler and its pattern.
type Route[T any] struct {
	Pattern *Pattern
	Handler T
}

// Len returns the number of registered patterns.
func (m *Mux[T]) Len() int { return len(m.literals) + len(m.wildcards) }

// All returns all routes, in any order.
func (m *Mux[T]) All() iter.Seq[*Route[T]] {
	return func(yield func(*Route[T]) bool) {
		for _, r := range m.literals {
			if !yield(r) {
				return
			}
		}
		for _, r := range m.wildcards {
			if !yield(r) {
				return
			}
		}
	}
}

// Has reports whether a path has a handler of its own, registered without
// wildcards.
func (m *Mux[T]) Has(path string) bool { return m.literals[path] != nil }

// Add registers a handler. A pattern that cannot be parsed, or that conflicts
// with another, is an error.
func (m *Mux[T]) Add(pattern string, handler T) error {
	p, err := Parse(pattern)
	if err != nil {
		return err
	}
	r := &Route[T]{p, handler}
	if p.literal {
		path := strings.TrimSuffix(pattern, "{$}")
		if m.literals[path] != nil {
			return fmt.Errorf("pattern %q already has a handler", pattern)
		}
		if m.literals == nil {
			m.literals = make(map[string]*Route[T])
		}
		m.literals[path] = r
		return nil
	}
	at := len(m.wildcards)
	for i, other := range m.wildcards {
		switch compare(p, other.Pattern) {
		case equal:
			return fmt.Errorf("pattern %q already has a handler: it matches the same paths as %q",
				pattern, other.Pattern)
		case overlapping:
			return fmt.Errorf("pattern %q conflicts with %q: both match some paths and neither is more specific",
				pattern, other.Pattern)
		case narrower:
			at = min(at, i)
		case wider, disjoint:
		}
	}
	m.wildcards = slices.Insert(m.wildcards, at, r)
	m.tree.add(r)
	return nil
}

// Find returns the route for a path, or nil. It allocates nothing, and mostly
// costs as much as the path has segments, however many patterns there are.
func (m *Mux[T]) Find(path string) *Route[T] {
	if r := m.literals[path]; r != nil {
		return r
	}
	if path == "" || path[0] != '/' {
		return nil
	}
	return m.tree.find(path[1:])
}

// relation says how the paths that one pattern matches relate to those of
// another.
type relation uint8

const (
	equal relation = iota
	narrower
	wider
	overlapping
	disjoint
)

// compare relates the paths matched by p to those matched by q, segment by
// segment, by the rules that net/http gives for its patterns.
func compare(p, q *Pattern) relation {
	all := equal
	for i := 0; ; i++ {
		if i == len(p.segments) && i == len(q.segments) {
			return all
		}
		a, b := p.at(i), q.at(i)
		all = combine(all, compareSegments(a, b))
		if all == disjoint || a.kind == rest || b.kind == rest {
			return all
		}
	}
}

// at returns segment i, or what stands for the end of the pattern: a literal
// that no segment of a path is equal to.
func (p *Pattern) at(i int) segment {
	if i < len(p.segments) {
		return p.segments[i]
	}
	return segment{kind: literal, text: "/"}
}

func compareSegments(a, b segment) relation {
	switch {
	case a == b || a.kind == b.kind && a.kind != literal:
		return equal
	case a.kind == literal && b.kind == literal:
		return disjoint
	case a.kind == literal:
		return compareLiteral(a.text, b.kind, narrower)
	case b.kind == literal:
		return compareLiteral(b.text, a.kind, wider)
	case a.kind == rest:
		return wider
	default:
		return narrower
	}
}

// compareLiteral returns r unless the wildcard cannot stand for the literal:
// none stands for the end of a pattern, and only one for the rest of a path for
// an empty segment.
func compareLiteral(text string, k kind, r relation) relation {
	if text == "/" || text == "" && k == wildcard {
		return disjoint
	}
	return r
}

func combine(a, b relation) relation {
	switch {
	case a == disjoint || b == disjoint:
		return disjoint
	case a == equal:
		return b
	case b == equal || a == b:
		return a
	default:
		return overlapping
	}
}

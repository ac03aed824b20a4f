package route

import "strings"

// node is where patterns with wildcards that begin alike part: those that have
// the same literals and wildcards, of any name, before it.
//
// Where several patterns match a path, one is more specific than all others, as
// any two that are not could not be registered together. It is the one that has
// the narrower segment where it first differs from each of them, so that a search
// that tries the literal, the wildcard and the rest in this order finds it first.
type node[T any] struct {
	literals map[string]*node[T] // "" is that of "{$}"
	wildcard *node[T]
	route    *Route[T] // of the pattern that ends with the segment before, or nil
	rest     *Route[T] // of the pattern that has only a rest here, or nil
}

// add registers a route whose pattern no other is equal to.
func (n *node[T]) add(r *Route[T]) {
	for _, s := range r.Pattern.segments {
		if s.kind == rest {
			n.rest = r
			return
		}
		n = n.child(s)
	}
	n.route = r
}

// child returns the node behind a segment, made if it is not there yet.
func (n *node[T]) child(s segment) *node[T] {
	if s.kind == wildcard {
		if n.wildcard == nil {
			n.wildcard = new(node[T])
		}
		return n.wildcard
	}
	if n.literals[s.text] == nil {
		if n.literals == nil {
			n.literals = make(map[string]*node[T])
		}
		n.literals[s.text] = new(node[T])
	}
	return n.literals[s.text]
}

// find returns the route for a path, given without the "/" in front, or nil.
//
// What begins with a literal may not match further on, so that the wildcard beside
// it is tried as well. Mostly one of them ends at once, and a search visits a node
// for each segment. At worst it goes both ways everywhere, which doubles the nodes
// with each segment: as no two ways lead to one node, it visits none twice, and
// never more than the tree has, which are no more than the segments of all
// patterns. So a path, which may come from anyone, costs at most what it takes to
// try all patterns one after the other. It goes no deeper than the longest pattern.
func (n *node[T]) find(path string) *Route[T] {
	part, remainder, more := strings.Cut(path, "/")
	if next := n.literals[part]; next != nil {
		if r := next.follow(remainder, more); r != nil {
			return r
		}
	}
	if n.wildcard != nil && part != "" {
		if r := n.wildcard.follow(remainder, more); r != nil {
			return r
		}
	}
	return n.rest
}

// follow returns the route for what remains of a path, which ends here if there
// is no more.
func (n *node[T]) follow(remainder string, more bool) *Route[T] {
	if !more {
		return n.route
	}
	return n.find(remainder)
}

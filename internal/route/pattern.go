package route

import (
	"errors"
	"fmt"
	"strings"
)

// Pattern is a parsed pattern.
type Pattern struct {
	text     string
	segments []segment
	literal  bool // has no wildcards
}

type kind uint8

const (
	literal kind = iota
	wildcard
	rest // matches any number of segments, none included
)

type segment struct {
	kind kind
	text string // of a literal, or the name of a wildcard
}

// Parse parses a pattern.
func Parse(text string) (*Pattern, error) {
	if !strings.HasPrefix(text, "/") {
		return nil, fmt.Errorf("pattern %q: does not begin with \"/\"", text)
	}
	p := &Pattern{text: text, literal: true}
	parts := strings.Split(text[1:], "/")
	for i, part := range parts {
		last := i == len(parts)-1
		s, err := parseSegment(part, last)
		if err != nil {
			return nil, fmt.Errorf("pattern %q: %w", text, err)
		}
		if s.kind != literal {
			p.literal = false
			if s.text != "" && p.index(s.text) >= 0 {
				return nil, fmt.Errorf("pattern %q: wildcard name %q occurs twice", text, s.text)
			}
		}
		p.segments = append(p.segments, s)
	}
	return p, nil
}

func parseSegment(part string, last bool) (segment, error) {
	if part == "" && last {
		return segment{kind: rest}, nil
	}
	if part == "" {
		return segment{}, errors.New("has an empty segment")
	}
	if part == "{$}" && last {
		return segment{kind: literal}, nil
	}
	if !strings.ContainsAny(part, "{}") {
		return segment{kind: literal, text: part}, nil
	}
	name, ok := strings.CutPrefix(part, "{")
	name, closed := strings.CutSuffix(name, "}")
	if !ok || !closed {
		return segment{}, fmt.Errorf("segment %q: a wildcard is a whole segment, such as \"{id}\"", part)
	}
	s := segment{kind: wildcard}
	s.text, ok = strings.CutSuffix(name, "...")
	if ok {
		s.kind = rest
	}
	switch {
	case ok && !last:
		return segment{}, fmt.Errorf("segment %q: %q is for the last segment", part, "...")
	case !isName(s.text):
		return segment{}, fmt.Errorf("segment %q: a wildcard name is letters, digits and \"_\", no digit first", part)
	}
	return s, nil
}

func isName(s string) bool {
	for i, c := range s {
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// String returns the pattern as it was written.
func (p *Pattern) String() string { return p.text }

// Value returns what the wildcard called name stands for in a path that the
// pattern matches. A nil Pattern has no wildcards.
func (p *Pattern) Value(path, name string) string {
	if p == nil || name == "" {
		return ""
	}
	i := p.index(name)
	if i < 0 {
		return ""
	}
	for range i {
		_, path, _ = strings.Cut(path[1:], "/")
		path = "/" + path
	}
	value := path[1:]
	if p.segments[i].kind == wildcard {
		value, _, _ = strings.Cut(value, "/")
	}
	return value
}

func (p *Pattern) index(name string) int {
	for i, s := range p.segments {
		if s.kind != literal && s.text == name {
			return i
		}
	}
	return -1
}

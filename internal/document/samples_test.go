package document_test

import (
	"encoding/json"
	"log/slog"
	"math/big"
	"net/netip"
	"time"
)

type scalars struct {
	Bool    bool
	Int     int
	Int8    int8
	Uint64  uint64
	Float   float64
	String  string
	Named   name
	Bytes   []byte
	Array   [3]byte
	Any     any
	Raw     json.RawMessage
	Number  json.Number
	Time    time.Time
	Elapsed time.Duration
	Big     *big.Int
	Level   slog.Level
	Addr    netip.Addr
}

type name string

type pointers struct {
	Int    *int
	Twice  **int
	Struct *scalars
	Raw    *json.RawMessage
	Any    *any
	Time   *time.Time
	Map    *map[string]int
	Slice  *[]int
}

type tags struct {
	Renamed  int    `json:"other"`
	Left     string `json:"-"`
	Dash     string `json:"-,"` //nolint:staticcheck // old code has it
	Empty    int    `json:"empty,omitempty"`
	Zero     point  `json:"zero,omitzero"`
	Quoted   int    `json:",string"`
	Pointer  *bool  `json:"pointer,string"`
	Ignored  []int  `json:"ignored,string"` //nolint:staticcheck // it has no effect
	_        int
	Chan     chan int `json:"-"`
	Comment  int      `json:"comment"  jsonschema:"what it is for"`
	Foreign  int      `json:"foreign"  jsonschema:"minimum=1"`
	Referred point    `json:"referred" jsonschema:"where it is"`
}

type point struct{ X, Y int }

type embedding struct {
	base
	*Other
	Tagged `json:"tagged"`
	name   //nolint:unused // it is neither a struct nor exported
	Name   string
	Depth  int
}

type base struct {
	ID    string
	Name  int
	Twice int
}

type Other struct {
	Depth string
	Twice int
	More  base2
}

type base2 struct{ X int }

type Tagged struct{ A int }

type loop struct {
	*loop //nolint:unused // of itself
	A     int
}

type rivals struct {
	left
	right
}

type left struct{ Winner int }

type right struct {
	Other string `json:"Winner"`
}

type clock struct{ time.Time }

type own struct{}

func (*own) MarshalJSON() ([]byte, error) { return []byte("[1]"), nil }

type word struct{}

func (word) MarshalText() ([]byte, error) { return []byte("w"), nil }

type tree struct {
	Children map[string]tree
	Parent   *tree
}

type list []list

type ring [1]*ring

type mapping struct {
	Numbers map[int]string
	Texts   map[word]int
	Names   map[name][]int
	Inline  map[uint8]struct{ A *struct{ B int } }
}

type page[T any] struct{ Items []T }

// valid are values that are written as JSON, and must be valid then.
func valid() map[string]any {
	one, yes, raw, anything, now := 1, true, json.RawMessage("[]"), any(2.5), time.Unix(0, 0)
	pointer, m, s := &one, map[string]int{"a": 1}, []int{1}
	return map[string]any{
		"scalars, zero":   scalars{Number: "0"},
		"scalars":         scalars{true, 1, -128, 1 << 63, 1.5, "s", "n", []byte{1}, [3]byte{1}, []int{}, raw, "1.5", now, 1, big.NewInt(1), slog.LevelWarn, netip.MustParseAddr("::1")},
		"pointers, nil":   pointers{},
		"pointers":        pointers{&one, &pointer, &scalars{Number: "1"}, &raw, &anything, &now, &m, &s},
		"tags":            tags{Pointer: &yes, Empty: 1, Zero: point{1, 2}},
		"tags, zero":      tags{},
		"embedding":       embedding{Other: &Other{}},
		"embedded clock":  clock{},
		"loop":            loop{},
		"rivals":          rivals{},
		"own":             &own{},
		"word":            word{},
		"tree":            tree{map[string]tree{"a": {}}, &tree{}},
		"list":            list{{}, {{}}, nil},
		"ring":            ring{{}},
		"maps":            mapping{map[int]string{-1: "a"}, map[word]int{{}: 1}, map[name][]int{"a": nil}, map[uint8]struct{ A *struct{ B int } }{1: {}}},
		"maps, nil":       mapping{},
		"page":            page[*point]{[]*point{{}, nil}},
		"text":            "text",
		"nothing":         struct{}{},
		"anonymous":       struct{ P []struct{ point } }{},
		"slice of values": []any{1, "a", nil},
	}
}

// invalid are values of other types, by what is not valid of them.
func invalid() map[string]struct{ typ, value any } {
	return map[string]struct{ typ, value any }{
		"text for a number":   {point{}, map[string]any{"X": "1", "Y": 1}},
		"field is missing":    {point{}, map[string]any{"X": 1}},
		"null for a struct":   {point{}, nil},
		"number is too large": {scalars{}.Int8, 128},
		"number is negative":  {scalars{}.Uint64, -1},
		"array is too short":  {scalars{}.Array, []int{1, 2}},
		"number for a time":   {time.Time{}, 1},
		"number for text":     {word{}, 1},
		"quoted is not quoted": {struct {
			A int `json:",string"`
		}{}, map[string]any{"A": 1}},
		"item of a list":         {list{}, []any{[]any{1}}},
		"child of a tree":        {tree{}, map[string]any{"Children": map[string]any{"a": 1}, "Parent": nil}},
		"key of a map":           {mapping{}.Numbers, map[string]any{"a": "a"}},
		"value of a map":         {mapping{}.Names, map[string]any{"a": 1}},
		"shadowed by the outer":  {embedding{}, map[string]any{"ID": "", "Name": 1, "Depth": 1, "More": map[string]any{"X": 1}, "tagged": map[string]any{"A": 1}}},
		"item of a generic page": {page[*point]{}, map[string]any{"Items": []any{1}}},
		"pointer to a number":    {pointers{}.Twice, "1"},
	}
}

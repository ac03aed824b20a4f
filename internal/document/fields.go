package document

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
)

// field is a field of a struct as encoding/json has it.
type field struct {
	name        string
	description string
	typ         reflect.Type
	tagged      bool // the name is that of a tag
	optional    bool
	quoted      bool // a number or the like is written as a string
	index       []int
}

// fields returns the fields of a struct by the rules of encoding/json: those of embedded
// structs are among them, and of several with one name that counts which is embedded
// least deep, or is the only one there with a tag.
func fields(t reflect.Type) []field {
	byName := make(map[string][]field)
	for _, f := range collect(nil, t, nil, nil) {
		byName[f.name] = append(byName[f.name], f)
	}
	var all []field
	for _, same := range byName {
		slices.SortFunc(same, func(a, b field) int {
			return cmp.Or(cmp.Compare(len(a.index), len(b.index)), compareBools(b.tagged, a.tagged))
		})
		if len(same) == 1 || len(same[0].index) < len(same[1].index) || same[0].tagged && !same[1].tagged {
			all = append(all, same[0])
		}
	}
	slices.SortFunc(all, func(a, b field) int { return slices.Compare(a.index, b.index) })
	return all
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}

// collect appends the fields of t, which is embedded at index, in these types.
func collect(to []field, t reflect.Type, index []int, within []reflect.Type) []field {
	if slices.Contains(within, t) {
		return to
	}
	within = append(within, t)
	for f := range t.Fields() {
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		at := slices.Concat(index, f.Index)
		elem := f.Type
		if f.Anonymous && elem.Kind() == reflect.Pointer {
			elem = elem.Elem()
		}
		embedded := f.Anonymous && elem.Kind() == reflect.Struct
		switch {
		case tag == "-" || !f.IsExported() && !embedded:
		case embedded && name == "":
			to = collect(to, elem, at, within)
		case f.IsExported():
			to = append(to, newField(f, name, options, at))
		}
	}
	return to
}

func newField(f reflect.StructField, name, options string, index []int) field {
	all := strings.Split(options, ",")
	has := func(option string) bool { return slices.Contains(all, option) }
	description := f.Tag.Get("jsonschema")
	if word, _, ok := strings.Cut(description, "="); ok && !strings.ContainsAny(word, " \t\n") {
		description = "" // another library's
	}
	return field{
		name:        cmp.Or(name, f.Name),
		description: description,
		typ:         f.Type,
		tagged:      name != "",
		optional:    has("omitempty") || has("omitzero"),
		quoted:      has("string") && quotable(f.Type),
		index:       index,
	}
}

// quotable reports whether the option "string" of a tag has an effect.
func quotable(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return true
	default:
		return false
	}
}

package acurl

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/asynccalls/asynccalls"
)

// body is what the items of a command line make: fields of a JSON object, in their
// order, and headers.
type body struct {
	fields []string // as JSON
	header asynccalls.Header
}

// add adds an item. The first of "=", ":=" and ":" in it counts.
func (b *body) add(item string) error {
	i := strings.IndexAny(item, "=:")
	if i <= 0 {
		return fmt.Errorf("%q is not an item: name=text, name:=JSON or name:header", item)
	}
	name, rest := item[:i], item[i+1:]
	switch {
	case item[i] == '=':
		return b.field(name, rest)
	case strings.HasPrefix(rest, "="):
		value := json.RawMessage(rest[1:])
		if !json.Valid(value) {
			return fmt.Errorf("item %q: %q is not JSON; %s=%s is text", item, rest[1:], name, rest[1:])
		}
		return b.field(name, value)
	default:
		b.header.Add(name, rest)
		return nil
	}
}

func (b *body) field(name string, value any) error {
	key, err := json.Marshal(name)
	if err != nil {
		return err
	}
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	b.fields = append(b.fields, string(key)+":"+string(text))
	return nil
}

// bytes returns the body: that of the items, or of --data.
func (b *body) bytes(data string, io *streams) ([]byte, error) {
	file, isFile := strings.CutPrefix(data, "@")
	switch {
	case len(b.fields) > 0 && data != "":
		return nil, errors.New("a body comes from --data or from items, not from both")
	case len(b.fields) > 0:
		return []byte("{" + strings.Join(b.fields, ",") + "}"), nil
	case isFile && file == "-":
		return io.readAll()
	case isFile:
		return os.ReadFile(file)
	case data != "":
		return []byte(data), nil
	default:
		return nil, nil
	}
}

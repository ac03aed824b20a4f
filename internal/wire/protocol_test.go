package wire_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/asynccalls/asynccalls/internal/wire"
)

// TestProtocolExamples decodes each line of the examples in PROTOCOL.md, which
// are the code blocks that are marked with the name of a header.
func TestProtocolExamples(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("..", "..", "PROTOCOL.md"))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[wire.Kind]int{}
	others := map[string]int{}
	block := ""
	for i, line := range strings.Split(string(data), "\n") {
		mark, isMark := strings.CutPrefix(line, "```")
		switch {
		case isMark && block == "":
			block = mark
		case isMark:
			block = ""
		case block == wire.Header:
			if err := decoders[block]([]byte(line)); err != nil {
				t.Errorf("line %d: %v", i+1, err)
			}
			kind, _ := wire.KindOf([]byte(line))
			kinds[kind]++
		case decoders[block] != nil:
			if err := decoders[block]([]byte(line)); err != nil {
				t.Errorf("line %d: %v", i+1, err)
			}
			others[block]++
		}
	}
	if len(kinds) != 5 || len(others) != 4 {
		t.Errorf("PROTOCOL.md has examples of the kinds %v and of the headers %v, want some of each", kinds, others)
	}
}

// TestLongest checks the bound that PROTOCOL.md names.
func TestLongest(t *testing.T) {
	t.Parallel()
	longest := 0
	for _, v := range vectors[requestVector](t, "requests.json") {
		longest = max(longest, len(v.Header))
	}
	for _, v := range vectors[responseVector](t, "responses.json") {
		longest = max(longest, len(v.Header))
	}
	if longest != 1256 {
		t.Errorf("the longest header has %d bytes, want 1256", longest)
	}
	_, err := wire.DecodeRequest([]byte("1 n a /a c" + strings.Repeat("0", 1257-len("1 n a /a c"))))
	if !errors.Is(err, wire.ErrMalformed) || !strings.Contains(err.Error(), "longer than any") {
		t.Errorf("a header of 1257 bytes: error %v, want that it is too long", err)
	}
}

// Snippets puts text from files that the compiler has seen, or a test has written, into
// Markdown.
//
//	go run ./scripts/snippets README.md          rewrites the file
//	go run ./scripts/snippets -check README.md   fails if that would change it
//
// A snippet follows a line that names its file, and for a part of a Go file the functions
// and types that it shows:
//
//	<!-- snippet: examples/quickstart/main.go -->
//	<!-- snippet: examples/shop/shop.go#New,Orders -->
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"regexp"
)

// snippet matches the line that names a file and the code that follows.
var snippet = regexp.MustCompile("(?ms)^(<!-- snippet: (\\S+) -->\n```\\w+\n).*?(^```$)")

func main() {
	check := flag.Bool("check", false, "do not write, fail if a file is out of date")
	flag.Parse()
	for _, name := range flag.Args() {
		if err := update(name, *check); err != nil {
			fmt.Fprintln(os.Stderr, "snippets:", err)
			os.Exit(1)
		}
	}
}

func update(name string, check bool) error {
	before, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	after, err := expand(before)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	switch {
	case bytes.Equal(before, after):
		return nil
	case check:
		return fmt.Errorf("%s: code is out of date; run make readme", name)
	default:
		return os.WriteFile(name, after, 0o644)
	}
}

func expand(text []byte) ([]byte, error) {
	var failure error
	found := 0
	text = snippet.ReplaceAllFunc(text, func(old []byte) []byte {
		found++
		parts := snippet.FindSubmatch(old)
		code, err := read(string(parts[2]))
		if err != nil {
			failure = err
			return old
		}
		return bytes.Join([][]byte{parts[1], code, parts[3]}, nil)
	})
	if found != bytes.Count(text, []byte("<!-- snippet: ")) {
		return nil, fmt.Errorf("a line that names a snippet is not followed by code")
	}
	if found == 0 {
		return nil, fmt.Errorf("no snippet found")
	}
	return text, failure
}

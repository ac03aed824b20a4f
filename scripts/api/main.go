// Api writes the exported surface of packages, one name a line, and compares it
// with what is on file.
//
//	go run ./scripts/api           prints the difference to api/*.txt, and fails if there is one
//	go run ./scripts/api -update   writes api/*.txt
//
// It also holds the surface to its limits: 80 names with methods in the root
// package, 16 without in package driver.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// surface is a package whose names are a promise.
type surface struct {
	dir, file string
	limit     int // 0 for none
	methods   bool
}

func main() {
	update := flag.Bool("update", false, "write the files instead of comparing")
	flag.Parse()
	var errs []error
	for _, s := range []surface{
		{".", "api/asynccalls.txt", 80, true},
		{"driver", "api/driver.txt", 16, false},
		{"driver/drivertest", "api/drivertest.txt", 0, true},
		{"driver/memory", "api/memory.txt", 0, true},
		{"driver/franz", "api/franz.txt", 0, true},
		{"driver/confluent", "api/confluent.txt", 0, true},
		{"embedded", "api/embedded.txt", 0, true},
		{"deadletters", "api/deadletters.txt", 0, true},
		{"health", "api/health.txt", 0, true},
		{"asyncapi", "api/asyncapi.txt", 0, true},
		{"middleware", "api/middleware.txt", 0, true},
		{"telemetry", "api/telemetry.txt", 0, true},
		{"asynccallstest", "api/asynccallstest.txt", 0, true},
	} {
		errs = append(errs, s.check(*update))
	}
	if err := errors.Join(errs...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (s surface) check(update bool) error {
	lines, names, err := s.read()
	if err != nil {
		return fmt.Errorf("%s: %w", s.dir, err)
	}
	fmt.Printf("%-20s %d exported names", s.dir, names)
	if s.limit > 0 {
		fmt.Printf(" of at most %d", s.limit)
	}
	fmt.Println()
	if s.limit > 0 && names > s.limit {
		return fmt.Errorf("%s: %d exported names, more than %d", s.dir, names, s.limit)
	}
	text := strings.Join(lines, "\n") + "\n"
	if update {
		if err := os.MkdirAll(filepath.Dir(s.file), 0o755); err != nil {
			return err
		}
		return os.WriteFile(s.file, []byte(text), 0o644)
	}
	before, err := os.ReadFile(s.file)
	if err != nil {
		return err
	}
	return difference(s.file, strings.Split(strings.TrimSpace(string(before)), "\n"), lines)
}

// difference says which lines are new and which are gone.
func difference(file string, before, after []string) error {
	var b strings.Builder
	for _, l := range before {
		if !slices.Contains(after, l) {
			b.WriteString("\n- " + l)
		}
	}
	for _, l := range after {
		if !slices.Contains(before, l) {
			b.WriteString("\n+ " + l)
		}
	}
	if b.Len() == 0 {
		return nil
	}
	return fmt.Errorf("%s: the exported surface has changed; if it is meant, run make api-update%s", file, b.String())
}

// read returns the exported declarations, sorted, and how many names they are.
func (s surface) read() (lines []string, names int, err error) {
	set := token.NewFileSet()
	paths, err := filepath.Glob(filepath.Join(s.dir, "*.go"))
	if err != nil {
		return nil, 0, err
	}
	var files []*ast.File
	for _, p := range paths {
		if strings.HasSuffix(p, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, p, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, 0, err
		}
		files = append(files, f)
	}
	p, err := doc.NewFromFiles(set, files, s.dir)
	if err != nil {
		return nil, 0, err
	}
	c := collector{set: set, methods: s.methods}
	c.add(p)
	slices.Sort(c.lines)
	return c.lines, c.names, nil
}

// collector gathers declarations.
type collector struct {
	set     *token.FileSet
	methods bool // count them
	lines   []string
	names   int
}

func (c *collector) add(p *doc.Package) {
	c.values(p.Consts)
	c.values(p.Vars)
	c.functions(p.Funcs, true)
	for _, t := range p.Types {
		c.values(t.Consts)
		c.values(t.Vars)
		c.functions(t.Funcs, true)
		c.functions(t.Methods, c.methods)
		c.names++
		for _, spec := range t.Decl.Specs {
			if ts, ok := spec.(*ast.TypeSpec); ok && ts.Name.Name == t.Name {
				c.lines = append(c.lines, "type "+c.print(ts))
			}
		}
	}
}

func (c *collector) values(values []*doc.Value) {
	for _, v := range values {
		for _, name := range v.Names {
			if token.IsExported(name) {
				c.lines = append(c.lines, v.Decl.Tok.String()+" "+name)
				c.names++
			}
		}
	}
}

func (c *collector) functions(funcs []*doc.Func, count bool) {
	for _, f := range funcs {
		f.Decl.Body, f.Decl.Doc = nil, nil
		c.lines = append(c.lines, c.print(f.Decl))
		if count {
			c.names++
		}
	}
}

// print returns a declaration on one line, without comments.
func (c *collector) print(node any) string {
	var b bytes.Buffer
	config := printer.Config{Mode: printer.RawFormat}
	if err := config.Fprint(&b, c.set, node); err != nil {
		return err.Error()
	}
	var kept []string
	for line := range strings.Lines(b.String()) {
		line, _, _ = strings.Cut(line, "//")
		if line = strings.TrimSpace(line); line != "" {
			kept = append(kept, strings.Join(strings.Fields(line), " "))
		}
	}
	return strings.NewReplacer("(; ", "(", ",; )", ")", "{; ", "{ ", "; }", " }").Replace(strings.Join(kept, "; "))
}

package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
)

// read returns a file, or the parts of it that are named behind a #.
func read(source string) ([]byte, error) {
	file, names, some := strings.Cut(source, "#")
	code, err := os.ReadFile(file)
	if err != nil || !some {
		return code, err
	}
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, file, code, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	var parts [][]byte
	for name := range strings.SplitSeq(names, ",") {
		decl := find(tree, name)
		if decl == nil {
			return nil, fmt.Errorf("%s has no function or type %s", file, name)
		}
		from, to := files.Position(begin(decl)).Offset, files.Position(decl.End()).Offset
		parts = append(parts, append(bytes.Clone(code[from:to]), '\n'))
	}
	return bytes.Join(parts, []byte("\n")), nil
}

// find returns the declaration of a function, a method such as "orders.Save", or a type.
func find(tree *ast.File, name string) ast.Decl {
	for _, d := range tree.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if nameOf(d) == name {
				return d
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if t, ok := spec.(*ast.TypeSpec); ok && t.Name.Name == name {
					return d
				}
			}
		}
	}
	return nil
}

func nameOf(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	of := f.Recv.List[0].Type
	if star, ok := of.(*ast.StarExpr); ok {
		of = star.X
	}
	if id, ok := of.(*ast.Ident); ok {
		return id.Name + "." + f.Name.Name
	}
	return ""
}

// begin returns where a declaration begins, with its comment.
func begin(d ast.Decl) token.Pos {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc != nil {
			return d.Doc.Pos()
		}
	case *ast.GenDecl:
		if d.Doc != nil {
			return d.Doc.Pos()
		}
	}
	return d.Pos()
}

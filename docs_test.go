// SPDX-License-Identifier: Apache-2.0

package s3seal_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A documented is a package of this module as go/doc sees it.
type documented struct {
	dir      string
	pkg      *doc.Package
	examples []*doc.Example
}

// documentedPackages returns the packages that others may import.
func documentedPackages(t *testing.T) []documented {
	t.Helper()
	var all []documented
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		name := d.Name()
		if path != "." && (name == "internal" || name == "testdata" || strings.HasPrefix(name, ".") || isModule(path)) {
			return fs.SkipDir
		}
		if p, ok := parsePackage(t, path); ok {
			all = append(all, p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 15 {
		t.Fatalf("want all packages of the module, found %d", len(all))
	}
	return all
}

func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// parsePackage returns the package in dir, unless there is none to import.
func parsePackage(t *testing.T, dir string) (documented, bool) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var code, tests []*ast.File
	for _, name := range names {
		f, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "_test.go") {
			tests = append(tests, f)
		} else {
			code = append(code, f)
		}
	}
	if len(code) == 0 || code[0].Name.Name == "main" {
		return documented{}, false
	}
	p, err := doc.NewFromFiles(fset, code, module+"/"+filepath.ToSlash(dir))
	if err != nil {
		t.Fatal(err)
	}
	return documented{dir, p, doc.Examples(tests...)}, true
}

// TestEverythingIsDocumented looks at all that is exported: packages, their
// constants, variables, functions, types and methods. Fields whose names say it
// all need no words.
func TestEverythingIsDocumented(t *testing.T) {
	for _, d := range documentedPackages(t) {
		missing := func(what, name string) { t.Errorf("%s: %s %s has no doc comment", d.dir, what, name) }
		if d.pkg.Doc == "" {
			missing("package", d.pkg.Name)
		}
		undocumentedValues(slices.Concat(d.pkg.Consts, d.pkg.Vars), missing)
		undocumentedFuncs(d.pkg.Funcs, missing)
		for _, typ := range d.pkg.Types {
			if typ.Doc == "" {
				missing("type", typ.Name)
			}
			undocumentedValues(slices.Concat(typ.Consts, typ.Vars), missing)
			undocumentedFuncs(slices.Concat(typ.Funcs, typ.Methods), missing)
		}
	}
}

// undocumentedValues asks for a comment on the group, or on each of its lines.
func undocumentedValues(values []*doc.Value, missing func(what, name string)) {
	for _, v := range values {
		for _, spec := range v.Decl.Specs {
			s := spec.(*ast.ValueSpec)
			if v.Doc == "" && s.Doc.Text() == "" && s.Comment.Text() == "" {
				missing("value", s.Names[0].Name)
			}
		}
	}
}

func undocumentedFuncs(funcs []*doc.Func, missing func(what, name string)) {
	for _, f := range funcs {
		if f.Doc == "" {
			missing("function", f.Recv+" "+f.Name)
		}
	}
}

// exampleFree are the constructors that cannot have an example here.
var exampleFree = map[string]string{
	"envelope.NewSuite": "takes a type of an internal package; envelope/dare, which calls it, has the example",
}

// TestConstructorsHaveExamples asks for each New function for an example that
// calls it, and that go test runs and compares.
func TestConstructorsHaveExamples(t *testing.T) {
	for _, d := range documentedPackages(t) {
		called := make(map[string]bool)
		for _, e := range d.examples {
			if e.Output == "" && !e.EmptyOutput {
				continue
			}
			ast.Inspect(e.Code, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					called[calledName(call)] = true
				}
				return true
			})
		}
		funcs := slices.Clone(d.pkg.Funcs)
		for _, typ := range d.pkg.Types {
			funcs = append(funcs, typ.Funcs...)
		}
		for _, f := range funcs {
			if _, free := exampleFree[d.pkg.Name+"."+f.Name]; free {
				continue
			}
			if strings.HasPrefix(f.Name, "New") && !called[f.Name] {
				t.Errorf("%s: no example with an output calls %s", d.dir, f.Name)
			}
		}
	}
}

// calledName is the name of the function without its package.
func calledName(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		return f.Sel.Name
	case *ast.Ident:
		return f.Name
	}
	return ""
}

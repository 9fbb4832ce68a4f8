// SPDX-License-Identifier: Apache-2.0

package s3seal_test

import (
	"go/ast"
	"go/doc"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A documented is a package of this module as go/doc sees it.
type documented struct {
	dir   string
	pkg   *doc.Package
	tests []*ast.File
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
		if p, ok := parsePackage(t, path); ok && p.pkg.Name != "main" {
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

// parsePackage returns the package in dir, if there is one.
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
	if len(code) == 0 {
		return documented{}, false
	}
	p, err := doc.NewFromFiles(fset, code, path.Join(module, filepath.ToSlash(dir)))
	if err != nil {
		t.Fatal(err)
	}
	return documented{dir, p, tests}, true
}

// TestEverythingIsDocumented looks at all that is exported: packages, their
// constants, variables, functions, types, methods, fields, and methods of
// interfaces.
func TestEverythingIsDocumented(t *testing.T) {
	for _, d := range documentedPackages(t) {
		for _, missing := range undocumented(d.pkg) {
			t.Errorf("%s: %s has no doc comment", d.dir, missing)
		}
	}
}

// undocumented returns what of a package has no comment.
func undocumented(p *doc.Package) (missing []string) {
	if p.Doc == "" {
		missing = append(missing, "package "+p.Name)
	}
	values, funcs := slices.Concat(p.Consts, p.Vars), slices.Clone(p.Funcs)
	for _, typ := range p.Types {
		if typ.Doc == "" {
			missing = append(missing, "type "+typ.Name)
		}
		values = slices.Concat(values, typ.Consts, typ.Vars)
		funcs = slices.Concat(funcs, typ.Funcs, typ.Methods)
		for _, spec := range typ.Decl.Specs {
			missing = append(missing, undocumentedFields(typ.Name, spec.(*ast.TypeSpec).Type)...)
		}
	}
	for _, v := range values {
		missing = append(missing, undocumentedValues(v)...)
	}
	for _, f := range funcs {
		if f.Doc == "" {
			missing = append(missing, strings.Join(strings.Fields("function "+f.Recv+" "+f.Name), " "))
		}
	}
	return missing
}

// undocumentedValues asks for a comment on the group, or on each of its lines.
func undocumentedValues(v *doc.Value) (missing []string) {
	for _, spec := range v.Decl.Specs {
		s := spec.(*ast.ValueSpec)
		if v.Doc == "" && s.Doc.Text() == "" && s.Comment.Text() == "" {
			missing = append(missing, "value "+s.Names[0].Name)
		}
	}
	return missing
}

// undocumentedFields looks at structs and interfaces, of which go/doc has taken
// what is not exported. What is embedded is documented where it is declared.
func undocumentedFields(name string, typ ast.Expr) (missing []string) {
	ast.Inspect(typ, func(n ast.Node) bool {
		f, ok := n.(*ast.Field)
		if !ok {
			_, isFunc := n.(*ast.FuncType)
			return !isFunc // its arguments are fields as well
		}
		if len(f.Names) > 0 && f.Doc.Text() == "" && f.Comment.Text() == "" {
			missing = append(missing, name+"."+f.Names[0].Name)
		}
		return true
	})
	return missing
}

// TestUndocumentedIsFound has the test above find each kind of what it looks at.
func TestUndocumentedIsFound(t *testing.T) {
	const code = `package p
const C = 1
var V int
func F() {}
type T struct { A, B int; c int; D struct{ E int } }
func NewT() *T { return nil }
func (T) M() {}
func (T) m() {}
type I interface { N(arg int) (result int) }
// Commented is.
type Commented struct {
	A int // is
	// B is.
	B func(arg int)
	T
}
// All are.
const (
	X = 1
	Y = 2
)
const (
	Z = 3
)
`
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "p.go", code, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	p, err := doc.NewFromFiles(fset, []*ast.File{f}, "p")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"I.N", "T.A", "T.D", "T.E", "function F", "function NewT", "function T M", "package p",
		"type I", "type T", "value C", "value V", "value Z",
	}
	if got := slices.Sorted(slices.Values(undocumented(p))); !slices.Equal(got, want) {
		t.Errorf("undocumented is\n%q, want\n%q", got, want)
	}
}

// suites are packages whose functions are called by tests, one after the other.
var suites = []string{"backend/backendtest", "backend/s3/s3test"}

// TestDocsSayWhatIsConcurrent: who calls a function, or uses a type, from several
// goroutines finds in its comment whether he may; but not of types without any
// state to share, and of errors.
func TestDocsSayWhatIsConcurrent(t *testing.T) {
	says := regexp.MustCompile(`(?i)concurren|goroutine|at the same time`)
	for _, d := range documentedPackages(t) {
		funcs := slices.Clone(d.pkg.Funcs)
		for _, typ := range d.pkg.Types {
			funcs = append(funcs, typ.Funcs...)
		}
		for _, f := range funcs {
			if !says.MatchString(f.Doc) && !slices.Contains(suites, filepath.ToSlash(d.dir)) {
				t.Errorf("%s: %s does not say whether it may be called concurrently", d.dir, f.Name)
			}
		}
		for _, typ := range d.pkg.Types {
			_, isStruct := typ.Decl.Specs[0].(*ast.TypeSpec).Type.(*ast.StructType)
			stateful := slices.ContainsFunc(typ.Methods, func(f *doc.Func) bool {
				return strings.HasPrefix(f.Recv, "*") && !strings.HasSuffix(typ.Name, "Error")
			})
			if isStruct && stateful && !says.MatchString(typ.Doc) {
				t.Errorf("%s: type %s does not say whether it may be used concurrently", d.dir, typ.Name)
			}
		}
	}
}

// exampleFree are the constructors that cannot have an example here.
var exampleFree = map[string]string{
	"s3test.MinIO":         needsServer,
	"s3test.StartMinIO":    needsServer,
	"s3test.Versitygw":     needsServer,
	"s3test.StartRuby":     needsServer,
	"s3test.StartS3crypto": needsServer,

	"envelope.NewSuite": "takes a type of an internal package; envelope/dare, which calls it, has the example",
}

const needsServer = "starts a program that not every machine has, and an example cannot be skipped"

// TestConstructorsHaveExamples asks for an example that calls it, and that go
// test runs and compares, for each function that makes a value of a type of its
// package, and for all whose names begin with New. The example is named after the
// function, after its type, or after nothing, where it is that of the package.
func TestConstructorsHaveExamples(t *testing.T) {
	free := len(exampleFree)
	for _, d := range documentedPackages(t) {
		var examples []shown
		for _, f := range d.tests {
			examples = append(examples, shownExamples(f, d.pkg)...)
		}
		for name, typ := range constructors(d.pkg) {
			_, isFree := exampleFree[d.pkg.Name+"."+name]
			if isFree {
				free--
			}
			has := slices.ContainsFunc(examples, func(e shown) bool { return e.about(name, typ) })
			if has == isFree {
				t.Errorf("%s: an example with an output is about %s: %v, want %v", d.dir, name, has, !isFree)
			}
		}
	}
	if free != 0 {
		t.Errorf("%d names too many in exampleFree", free)
	}
}

// constructors returns their names, with those of the types that they make.
func constructors(p *doc.Package) map[string]string {
	all := make(map[string]string)
	for _, typ := range p.Types {
		for _, f := range typ.Funcs {
			all[f.Name] = typ.Name
		}
	}
	for _, f := range p.Funcs {
		if strings.HasPrefix(f.Name, "New") {
			all[f.Name] = f.Name
		}
	}
	return all
}

// A shown is an example with an output that go test compares.
type shown struct {
	name  string   // of what it is about
	calls []string // functions of the package
}

func (e shown) about(function, typ string) bool {
	name, _, _ := strings.Cut(e.name, "_")
	return slices.Contains(e.calls, function) && (name == "" || name == function || name == typ)
}

// shownExamples returns the examples in f and which functions of p they call. A
// function of the same name of another package does not count, nor does one that a
// function beside the example calls.
func shownExamples(f *ast.File, p *doc.Package) (all []shown) {
	name := "" // of the package in this file
	for _, spec := range f.Imports {
		if got, err := strconv.Unquote(spec.Path.Value); err != nil || got != p.ImportPath {
			continue
		}
		name = p.Name
		if spec.Name != nil {
			name = spec.Name.Name
		}
	}
	for _, e := range doc.Examples(f) {
		if e.Output == "" && !e.EmptyOutput {
			continue
		}
		s := shown{name: e.Name}
		ast.Inspect(e.Code, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == name {
					s.calls = append(s.calls, sel.Sel.Name)
				}
			}
			return true
		})
		all = append(all, s)
	}
	return all
}

// formatPackages are the packages that write or read bytes of a format, with what
// the drawing of them must show.
var formatPackages = map[string][]string{
	"stream":         {"GCM", "CBC", "CTR", "tag", "AES-256-GCM(kind, off, n, sum, last)"},
	"stream/chunked": {"salt", "commitment", "chunk 0", "16384"},
	"stream/dare":    {"header 0", "payload", "65536", "little endian"},
	"wrap":           {"AES/GCM", "nonce", "AESWrap", "RSA-OAEP-SHA1", "content algorithm", "kms+context"},
	"wrap/legacy":    {"AES-ECB", "00 || 02", "RSA-OAEP-SHA256", "kms", "00 … 00"},
	"wrap/localkms":  {"S3SKMS1", "key tag", "s3seal_localkms"},
	"envelope": {
		"V1", "V2", "V3", "Chunked", "x-amz-key", "x-amz-key-v2", "x-amz-3", "x-amz-d", "x-amz-i",
		"DERIVEKEY", "COMMITKEY", "s3seal-suite", "size of bucket",
	},
	"envelope/dare": {"HKDF-SHA-512", "s3seal dare2 v1"},
	"backend":       {"KEY.instruction", "KEY.key", "s3seal-resume-1", "CRC-32C"},
	"backend/dir":   {".s3seal", "meta/", "parts/", "tmp/", `"contentType"`},
	"backend/bulk":  {"s3seal_journal", `"outcome"`},
}

// TestPackageComments: the comment of each package says what was rejected, and
// that of one with a format of its own draws the bytes.
func TestPackageComments(t *testing.T) {
	packages := documentedPackages(t)
	command, ok := parsePackage(t, "cmd/s3seal")
	if !ok {
		t.Fatal("no command")
	}
	formats := 0
	for _, d := range append(packages, command) {
		if d.dir == "fuzz" || d.dir == "bench" {
			continue // nothing of theirs is used
		}
		text, code := sections(d.pkg)
		if len(strings.Fields(text["What was rejected"])) < 15 {
			t.Errorf("%s: the package comment does not say what was rejected", d.dir)
		}
		want, isFormat := formatPackages[filepath.ToSlash(d.dir)]
		if !isFormat {
			continue
		}
		formats++
		for _, w := range want {
			if !strings.Contains(code["The bytes"], w) {
				t.Errorf("%s: the drawing of the bytes does not show %q", d.dir, w)
			}
		}
	}
	if formats != len(formatPackages) {
		t.Errorf("%d packages with formats, want %d", formats, len(formatPackages))
	}
}

// sections returns the text and the preformatted blocks of a package comment by
// the headings that they stand under.
func sections(p *doc.Package) (text, code map[string]string) {
	text, code = make(map[string]string), make(map[string]string)
	heading, print := "", new(comment.Printer)
	for _, block := range p.Parser().Parse(p.Doc).Content {
		switch b := block.(type) {
		case *comment.Heading:
			heading = string(print.Text(&comment.Doc{Content: []comment.Block{&comment.Paragraph{Text: b.Text}}}))
			heading = strings.TrimSpace(heading)
		case *comment.Code:
			code[heading] += b.Text
		default:
			text[heading] += string(print.Text(&comment.Doc{Content: []comment.Block{b}}))
		}
	}
	return text, code
}

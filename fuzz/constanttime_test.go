// SPDX-License-Identifier: Apache-2.0

package fuzz_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// comparedPackages are those in which something is decided by bytes that may be
// secret: all of the module but what is for tests alone.
var comparedPackages = []string{"stream/...", "wrap/...", "envelope/...", "backend/...", "cmd/..."}

var comparedBySuites = []string{"stream/streamtest", "stream/internal/sourcetest", "backend/backendtest", "backend/s3/s3test"}

// compareFuncs are the functions that compare bytes, or decide by them, with what
// the table calls them, if that is not their name. Those of package subtle are found
// as well, and the methods Equal of keys.
var compareFuncs = map[string]string{
	"bytes.Equal": "", "bytes.Compare": "", "bytes.EqualFold": "",
	"bytes.HasPrefix": "", "bytes.HasSuffix": "", "bytes.CutPrefix": "", "bytes.CutSuffix": "",
	"slices.Equal": "", "slices.EqualFunc": "", "slices.Compare": "", "slices.CompareFunc": "",
	"reflect.DeepEqual":   "",
	"(*math/big.Int).Cmp": "big.Int.Cmp", "(*math/big.Int).CmpAbs": "big.Int.CmpAbs",
	"crypto/hmac.Equal":                    "hmac.Equal",
	"(crypto/cipher.AEAD).Open":            "AEAD.Open",
	"crypto/rsa.DecryptOAEP":               "rsa.DecryptOAEP",
	"(*crypto/rsa.PrivateKey).Decrypt":     "rsa.PrivateKey.Decrypt",
	"crypto/rsa.DecryptPKCS1v15":           "rsa.DecryptPKCS1v15",
	"crypto/rsa.DecryptPKCS1v15SessionKey": "rsa.DecryptPKCS1v15SessionKey",
}

// constantTime are those that take the same time whatever the bytes are.
var constantTime = []string{"subtle.", "hmac.Equal", "AEAD.Open", "rsa.DecryptOAEP", "rsa.PrivateKey.Decrypt", "rsa.DecryptPKCS1v15SessionKey"}

// TestConstantTime: each comparison of bytes in the code stands in the table of
// comparisons, and what compares a secret takes constant time.
//
// It finds calls of the functions above, == and != of arrays of bytes and of what
// holds them, and those and switches of a slice that was made a string. What
// compares one byte, searches, looks up a map or indexes a table it does not find.
func TestConstantTime(t *testing.T) {
	found := findComparisons(t)
	table := readComparisons(t)
	for place, n := range found {
		if _, ok := table[place]; !ok {
			t.Errorf("%s (%d times) is not in the table of comparisons: is what it compares secret?", place, n)
		}
	}
	secrets := 0
	for place, c := range table {
		if found[place] != c.n {
			t.Errorf("%s is there %d times, the table says %d", place, found[place], c.n)
		}
		if !c.secret {
			continue
		}
		secrets++
		if !slices.ContainsFunc(constantTime, func(how string) bool { return strings.HasPrefix(place.how, how) }) {
			t.Errorf("%s compares a secret (%s) in a time that depends on it", place, c.why)
		}
	}
	if secrets < 10 {
		t.Errorf("%d secrets are compared, want at least 10", secrets)
	}
}

// A place is one way to compare in one function.
type place struct{ file, function, how string }

func (p place) String() string { return p.file + ": " + p.function + ": " + p.how }

// A comparison is what the table says about a place.
type comparison struct {
	n      int
	secret bool
	why    string
}

// readComparisons reads the table.
func readComparisons(t *testing.T) map[place]comparison {
	t.Helper()
	table := make(map[place]comparison)
	for line := range strings.Lines(comparisons) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if len(f) < 5 || f[3] != "secret" && f[3] != "public" {
			t.Fatalf("line of the table: %q", line)
		}
		how, times, _ := strings.Cut(f[2], "*")
		p, c := place{f[0], f[1], how}, comparison{1, f[3] == "secret", strings.Join(f[4:], " ")}
		if times != "" {
			c.n = must[int](t)(strconv.Atoi(times))
		}
		if _, twice := table[p]; twice {
			t.Errorf("%s is in the table twice", p)
		}
		table[p] = c
	}
	return table
}

// A typedPackage is what go list says of a package.
type typedPackage struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
	DepOnly                 bool
}

// findComparisons type-checks the packages and counts the comparisons in each
// function.
func findComparisons(t *testing.T) map[place]int {
	t.Helper()
	if testing.Short() {
		t.Skip("type-checks most of the module")
	}
	packages := listTyped(t)
	files := token.NewFileSet()
	imports := importer.ForCompiler(files, "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(packages[path].Export)
	})
	found := make(map[place]int)
	root := must[string](t)(filepath.Abs(".."))
	for _, path := range slices.Sorted(maps.Keys(packages)) {
		p := packages[path]
		dir, err := filepath.Rel(root, p.Dir)
		if p.DepOnly || err != nil || slices.Contains(comparedBySuites, filepath.ToSlash(dir)) {
			continue
		}
		var parsed []*ast.File
		for _, name := range p.GoFiles {
			parsed = append(parsed, must[*ast.File](t)(parser.ParseFile(files, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)))
		}
		info := &types.Info{Types: make(map[ast.Expr]types.TypeAndValue), Uses: make(map[*ast.Ident]types.Object)}
		conf := types.Config{Importer: imports}
		if _, err := conf.Check(path, files, parsed, info); err != nil {
			t.Fatal(err)
		}
		for i, f := range parsed {
			s := &seeker{info, filepath.ToSlash(filepath.Join(dir, p.GoFiles[i])), found}
			s.file(f)
		}
	}
	if len(found) == 0 {
		t.Fatal("no comparisons at all")
	}
	return found
}

// listTyped returns the packages that are looked at, and all that they import.
func listTyped(t *testing.T) map[string]*typedPackage {
	t.Helper()
	args := []string{"list", "-deps", "-export", "-json=ImportPath,Dir,Export,GoFiles,DepOnly"}
	for _, pattern := range comparedPackages {
		args = append(args, "../"+pattern)
	}
	cmd := exec.CommandContext(t.Context(), "go", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	all := make(map[string]*typedPackage)
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		p := new(typedPackage)
		if err := dec.Decode(p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all[p.ImportPath] = p
	}
}

// A seeker looks through a file.
type seeker struct {
	info  *types.Info
	name  string
	found map[place]int
}

func (s *seeker) file(f *ast.File) {
	for _, decl := range f.Decls {
		name := "var"
		if fn, ok := decl.(*ast.FuncDecl); ok {
			name = fn.Name.Name
			if fn.Recv != nil {
				name = receiver(fn.Recv.List[0].Type) + "." + name
			}
		}
		ast.Inspect(decl, func(n ast.Node) bool {
			if how := s.compares(n); how != "" {
				s.found[place{s.name, name, how}]++
			}
			return true
		})
	}
}

// receiver is the name of a type without its star and type parameters.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return fmt.Sprintf("%T", e)
}

// compares says how n compares bytes, if it does.
func (s *seeker) compares(n ast.Node) string {
	switch n := n.(type) {
	case *ast.CallExpr:
		return s.call(n)
	case *ast.BinaryExpr:
		if (n.Op == token.EQL || n.Op == token.NEQ) && (s.bytes(n.X) || s.bytes(n.Y)) {
			return n.Op.String()
		}
	case *ast.SwitchStmt:
		if n.Tag != nil && s.bytes(n.Tag) {
			return "switch"
		}
	}
	return ""
}

// call says which function of interest is called, if one is.
func (s *seeker) call(call *ast.CallExpr) string {
	fun := ast.Unparen(call.Fun)
	if index, ok := fun.(*ast.IndexExpr); ok {
		fun = index.X
	}
	var id *ast.Ident
	switch f := fun.(type) {
	case *ast.SelectorExpr:
		id = f.Sel
	case *ast.Ident:
		id = f
	default:
		return ""
	}
	fn, ok := s.info.Uses[id].(*types.Func)
	if !ok || fn.Pkg() == nil {
		return ""
	}
	name := fn.Origin().FullName()
	switch short, ok := compareFuncs[name]; {
	case fn.Pkg().Path() == "crypto/subtle":
		return "subtle." + fn.Name()
	case fn.Name() == "Equal" && strings.HasPrefix(fn.Pkg().Path(), "crypto/") && fn.Signature().Recv() != nil:
		return "key.Equal"
	case !ok:
		return ""
	case fn.Pkg().Path() == "slices" && !ofBytes(s.info.TypeOf(call.Args[0])):
		return ""
	case short != "":
		return short
	}
	return name
}

// bytes reports whether e is an array of bytes, holds one, or is a string made
// of bytes.
func (s *seeker) bytes(e ast.Expr) bool {
	if call, ok := ast.Unparen(e).(*ast.CallExpr); ok && len(call.Args) == 1 && s.info.Types[call.Fun].IsType() {
		to, isBasic := s.info.TypeOf(e).Underlying().(*types.Basic)
		return isBasic && to.Info()&types.IsString != 0 && ofBytes(s.info.TypeOf(call.Args[0]))
	}
	return holdsBytes(s.info.TypeOf(e))
}

func holdsBytes(t types.Type) bool {
	switch u := t.Underlying().(type) {
	case *types.Array:
		return ofBytes(u) || holdsBytes(u.Elem())
	case *types.Struct:
		for f := range u.Fields() {
			if holdsBytes(f.Type()) {
				return true
			}
		}
	}
	return false
}

// ofBytes reports whether t is a slice or an array of bytes, or of those.
func ofBytes(t types.Type) bool {
	var elem types.Type
	switch u := t.Underlying().(type) {
	case *types.Slice:
		elem = u.Elem()
	case *types.Array:
		elem = u.Elem()
	default:
		return false
	}
	b, ok := types.Unalias(elem).(*types.Basic) // other types of that size are no bytes
	return ok && b.Kind() == types.Uint8 || ofBytes(elem)
}

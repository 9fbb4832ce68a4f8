// SPDX-License-Identifier: Apache-2.0

package fuzz_test

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// tableIDs are all that the table of doc.go must have, by letter.
var tableIDs = map[string]int{"P": 20, "A": 12, "B": 8, "C": 6, "F": 13, "H": 6, "L": 7}

// A row is what one test proves.
type row struct{ id, pkg, test, sub string }

var (
	tableHead = regexp.MustCompile(`^\t([PABCFHL]\d+) +(\S.*)$`)
	tableLine = regexp.MustCompile(`^\t {5}([\w/]+): (\S.*)$`)
)

// readTable returns the rows of the table, and the IDs in their order.
func readTable(t *testing.T) (rows []row, ids []string) {
	t.Helper()
	file := must[*ast.File](t)(parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments))
	for line := range strings.Lines(file.Doc.Text()) {
		line = strings.TrimSuffix(line, "\n")
		if m := tableHead.FindStringSubmatch(line); m != nil {
			ids = append(ids, m[1])
			continue
		}
		m := tableLine.FindStringSubmatch(line)
		if m == nil || len(ids) == 0 {
			continue
		}
		for name := range strings.SplitSeq(m[2], ", ") {
			name, sub, _ := strings.Cut(name, "/")
			rows = append(rows, row{ids[len(ids)-1], m[1], name, sub})
		}
	}
	return rows, ids
}

// A testedPackage is what the test files of a package have.
type testedPackage struct {
	funcs map[string]bool
	texts []string // all that is quoted, for names of cases
}

func readTests(t *testing.T, dir string) *testedPackage {
	t.Helper()
	p := &testedPackage{funcs: make(map[string]bool)}
	for _, name := range must[[]string](t)(filepath.Glob(filepath.Join(dir, "*_test.go"))) {
		file := must[*ast.File](t)(parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution))
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv == nil {
					p.funcs[n.Name.Name] = true
				}
			case *ast.BasicLit:
				if n.Kind == token.STRING {
					p.texts = append(p.texts, strings.Trim(n.Value, "\"`"))
				}
			}
			return true
		})
	}
	return p
}

// TestTable: the table of this package's documentation has everything, and each
// test that it names is there.
func TestTable(t *testing.T) {
	rows, ids := readTable(t)
	total := 0
	for letter, n := range tableIDs {
		total += n
		for i := range n {
			id := fmt.Sprintf("%s%d", letter, i+1)
			if !slices.ContainsFunc(rows, func(r row) bool { return r.id == id }) {
				t.Errorf("%s has no test", id)
			}
		}
	}
	if sorted := slices.Compact(slices.Sorted(slices.Values(ids))); len(sorted) != len(ids) || len(ids) != total {
		t.Errorf("%d IDs in the table, %d different, want %d", len(ids), len(sorted), total)
	}
	packages := make(map[string]*testedPackage)
	for _, r := range rows {
		p := packages[r.pkg]
		if p == nil {
			p = readTests(t, filepath.Join("..", filepath.FromSlash(r.pkg)))
			packages[r.pkg] = p
		}
		if !p.funcs[r.test] {
			t.Errorf("%s: %s has no %s", r.id, r.pkg, r.test)
		}
		if r.sub != "" && !slices.ContainsFunc(p.texts, func(s string) bool { return strings.HasPrefix(s, r.sub+":") }) {
			t.Errorf("%s: %s: no case of %s begins with %s", r.id, r.pkg, r.test, r.sub)
		}
	}
}

// TestTableHasAttacks: a test that is named after an attack is in the table, at it.
func TestTableHasAttacks(t *testing.T) {
	rows, _ := readTable(t)
	named := regexp.MustCompile(`^TestAttack([ABC]\d+)`)
	found := 0
	err := fs.WalkDir(os.DirFS(".."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || name == ".git" {
			return err
		}
		for test := range readTests(t, filepath.Join("..", filepath.FromSlash(name))).funcs {
			m := named.FindStringSubmatch(test)
			if m == nil {
				continue
			}
			found++
			if !slices.ContainsFunc(rows, func(r row) bool {
				return r.pkg == name && r.test == test && r.id == m[1]
			}) {
				t.Errorf("%s: %s is not in the table at %s", name, test, m[1])
			}
		}
		return nil
	})
	if err != nil || found == 0 {
		t.Errorf("%d tests of attacks, %v", found, err)
	}
}

// secretPackages are those that get to see keys.
var secretPackages = []string{"stream", "stream/chunked", "stream/dare", "wrap", "wrap/localkms", "envelope", "backend"}

// openTypes are the exported structs that print what is in them: options, errors
// and what is public of objects. None of them is given a key, but behind an
// interface whose value keeps silent itself.
var openTypes = map[string]string{
	"wrap":     "CacheOptions Info KMSCall",
	"envelope": "Binding BodyRange Header MetadataError OpenOptions PolicyError Preset Recipient RewrapOptions SealOptions SealRecipient Suite WriteCacheOptions",
	"backend": "DownloadOptions GetOptions HandlerOptions Info ListOptions ObjectInfo Options Part PutOptions Range RewrapOptions " +
		"Hooks PartSent ReadEnded SSE SidecarOptions StaleOptions StaleUpload StateError UploadLimits UploadState Upload BodyReader",
}

// silent are methods by which a type decides what is printed of it, with any verb.
var silent = []string{"Format", "LogValue"}

// TestEveryTypeIsSilent: each exported struct of the packages that see keys has
// its own Format and LogValue, or is listed as one that has nothing to hide. What
// these methods print the tests of the packages look at.
func TestEveryTypeIsSilent(t *testing.T) {
	for _, pkg := range secretPackages {
		open := strings.Fields(openTypes[pkg])
		for _, typ := range exportedStructs(t, pkg) {
			methods := make([]string, 0, len(typ.Methods))
			for _, m := range typ.Methods {
				methods = append(methods, m.Name)
			}
			missing := slices.DeleteFunc(slices.Clone(silent), func(name string) bool { return slices.Contains(methods, name) })
			if i := slices.Index(open, typ.Name); i >= 0 {
				open = slices.Delete(open, i, i+1)
			} else if len(missing) > 0 {
				t.Errorf("%s.%s has no %s, and is not listed as open", path.Base(pkg), typ.Name, strings.Join(missing, ", "))
			}
		}
		if len(open) > 0 {
			t.Errorf("%s has no structs %s", pkg, strings.Join(open, ", "))
		}
	}
}

// exportedStructs returns them with their methods.
func exportedStructs(t *testing.T, pkg string) (structs []*doc.Type) {
	t.Helper()
	files := token.NewFileSet()
	var parsed []*ast.File
	for _, name := range must[[]string](t)(filepath.Glob(filepath.Join("..", filepath.FromSlash(pkg), "*.go"))) {
		if !strings.HasSuffix(name, "_test.go") {
			parsed = append(parsed, must[*ast.File](t)(parser.ParseFile(files, name, nil, parser.ParseComments)))
		}
	}
	all := must[*doc.Package](t)(doc.NewFromFiles(files, parsed, pkg))
	for _, typ := range all.Types {
		if _, ok := typ.Decl.Specs[0].(*ast.TypeSpec).Type.(*ast.StructType); ok {
			structs = append(structs, typ)
		}
	}
	return structs
}

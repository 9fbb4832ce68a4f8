// SPDX-License-Identifier: Apache-2.0

package fuzz_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/s3seal/s3seal/backend/s3"
	"github.com/s3seal/s3seal/internal/printtest"
)

// keyMethods are what a type has that holds a key, or the way to one, whether it
// is exported or comes behind an interface.
var keyMethods = []string{"Wrap", "Unwrap", "Decrypt", "GenerateDataKey"}

// keyPackages are those that have such types.
var keyPackages = []string{"wrap", "wrap/legacy", "wrap/awskms", "wrap/localkms"}

// storePackages have types that hold the way to a storage, and no keys.
var storePackages = []string{"backend/s3", "backend/mem", "backend/dir"}

// openKinds are the exported types that hold nothing to hide, beside openTypes.
// A Driver of S3 has a client with credentials, but behind a pointer, where fmt
// prints an address: see TestDriverHidesCredentials.
var openKinds = map[string]string{
	"wrap": "Algorithm", "backend/s3": "Options Driver", "backend/mem": "Driver", "backend/dir": "Options Driver",
}

// A sourceType is a type as its package declares it.
type sourceType struct {
	spec    *ast.TypeSpec
	methods map[string]string // their parameters and results
}

// sourceTypes are all types of a package, by name.
func sourceTypes(t *testing.T, pkg string) map[string]*sourceType {
	t.Helper()
	all := make(map[string]*sourceType)
	get := func(name string) *sourceType {
		if all[name] == nil {
			all[name] = &sourceType{methods: make(map[string]string)}
		}
		return all[name]
	}
	for _, name := range must[[]string](t)(filepath.Glob(filepath.Join("..", filepath.FromSlash(pkg), "*.go"))) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file := must[*ast.File](t)(parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution))
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				get(n.Name.Name).spec = n
			case *ast.FuncDecl:
				if n.Recv != nil {
					get(typeName(n.Recv.List[0].Type)).methods[n.Name.Name] = signature(n.Type)
				}
				return false // what is declared inside cannot have methods
			}
			return true
		})
	}
	if len(all) == 0 {
		t.Fatalf("%s has no types", pkg)
	}
	return all
}

func typeName(e ast.Expr) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(types.ExprString(e), "*"), "[")
	return name
}

// signature leaves out names.
func signature(f *ast.FuncType) string {
	var texts []string
	for _, list := range []*ast.FieldList{f.Params, f.Results} {
		texts = append(texts, "")
		for _, field := range list.List {
			texts[len(texts)-1] += strings.Repeat(types.ExprString(field.Type)+",", max(1, len(field.Names)))
		}
		if f.Results == nil {
			break
		}
	}
	return strings.Join(texts, ";")
}

// silentMethods are those that fmt and log/slog look for, as they look for them.
var silentMethods = map[string]string{"Format": "fmt.State,rune,", "LogValue": ";slog.Value,"}

// missing returns which of silentMethods a type does not have, nor what is
// embedded in it.
func missing(all map[string]*sourceType, name string) (names []string) {
	typ := all[name]
	if typ == nil || typ.spec == nil {
		return []string{"declaration"}
	}
	var inside [][]string
	if s, ok := typ.spec.Type.(*ast.StructType); ok {
		for _, field := range s.Fields.List {
			if len(field.Names) == 0 && all[typeName(field.Type)] != nil {
				inside = append(inside, missing(all, typeName(field.Type)))
			}
		}
	}
	for method, want := range silentMethods {
		promoted := slices.ContainsFunc(inside, func(m []string) bool { return !slices.Contains(m, method) })
		if typ.methods[method] != want && (typ.methods[method] != "" || !promoted) {
			names = append(names, method)
		}
	}
	slices.Sort(names)
	return names
}

// TestEveryKeyIsSilent: whatever wraps or unwraps decides itself what is printed
// of it, with the methods that fmt and log/slog call. An interface is what it
// holds. What they print the tests of the packages look at.
func TestEveryKeyIsSilent(t *testing.T) {
	for _, pkg := range keyPackages {
		found, all := 0, sourceTypes(t, pkg)
		for name, typ := range all {
			if !slices.ContainsFunc(keyMethods, func(m string) bool { return typ.methods[m] != "" }) {
				continue
			}
			found++
			if names := missing(all, name); len(names) > 0 {
				t.Errorf("%s.%s has no %s", path.Base(pkg), name, strings.Join(names, ", "))
			}
		}
		if found == 0 {
			t.Errorf("%s has no keys", pkg)
		}
	}
}

// TestEveryKindIsSilent: so do all exported types, of whatever kind, of the
// packages that see keys and of those that reach storage, unless they are listed.
// TestEveryTypeIsSilent says more of structs.
func TestEveryKindIsSilent(t *testing.T) {
	for _, pkg := range slices.Concat(secretPackages, keyPackages, storePackages) {
		open, all := strings.Fields(openTypes[pkg]+" "+openKinds[pkg]), sourceTypes(t, pkg)
		for name, typ := range all {
			if !ast.IsExported(name) || typ.spec == nil || slices.Contains(open, name) {
				continue
			}
			if _, ok := typ.spec.Type.(*ast.InterfaceType); ok || typ.spec.Assign.IsValid() {
				continue
			}
			if names := missing(all, name); len(names) > 0 {
				t.Errorf("%s.%s has no %s, and is not listed as open", pkg, name, strings.Join(names, ", "))
			}
		}
		for _, name := range open {
			if all[name] == nil {
				t.Errorf("%s has no %s", pkg, name)
			}
		}
	}
}

// TestDriverHidesCredentials prints a driver whose client has some.
func TestDriverHidesCredentials(t *testing.T) {
	secret := "a secret access key, of forty characters"
	client := must[*minio.Client](t)(minio.New("storage.example", &minio.Options{Creds: credentials.NewStaticV4("id", secret, "a session token")}))
	d := must[*s3.Driver](t)(s3.New(client, "bucket", nil))
	printtest.Hides(t, d, []byte(secret), []byte("a session token"))
	printtest.Hides(t, struct{ Driver any }{d}, []byte(secret), []byte("a session token"))
}

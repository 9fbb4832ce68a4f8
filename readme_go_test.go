// SPDX-License-Identifier: Apache-2.0

package s3seal_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// readmeImports are the packages that the Go blocks of README may name without
// an import, by the name that they use.
var readmeImports = map[string]string{
	"bytes": "bytes", "context": "context", "errors": "errors", "fmt": "fmt", "gzip": "compress/gzip",
	"http": "net/http", "io": "io", "log": "log", "os": "os", "slog": "log/slog", "strings": "strings",
	"time": "time", "zip": "archive/zip", "tar": "archive/tar",
	"minio": "github.com/minio/minio-go/v7", "credentials": "github.com/minio/minio-go/v7/pkg/credentials",
	"backend": module + "/backend", "backendtest": module + "/backend/backendtest", "bulk": module + "/backend/bulk",
	"dir": module + "/backend/dir", "mem": module + "/backend/mem", "s3": module + "/backend/s3",
	"envelope": module + "/envelope", "dare": module + "/envelope/dare",
	"stream": module + "/stream", "chunked": module + "/stream/chunked",
	"wrap": module + "/wrap", "legacy": module + "/wrap/legacy", "localkms": module + "/wrap/localkms", "awskms": module + "/wrap/awskms",
}

// readmeNames are what the blocks take from their readers, by name.
var readmeNames = map[string]string{
	"ctx": "context.Context", "creds": "*credentials.Credentials", "kek": "[]byte",
	"driver": "backend.Driver", "bucket": "*backend.Bucket", "key": "wrap.Key",
	"oldKey": "wrap.Unwrapper", "newKey": "wrap.Key", "dump": "io.Reader", "src": "io.Reader", "dst": "io.Writer", "err": "error",
	"t": "*testing.T",
}

// A goBlock is a block as a part of a program.
type goBlock struct {
	code    string
	imports []string
	run     []string // functions that store an io.Reader in a bucket
}

// asGo makes a part of a program of a block: of declarations as they are, of
// statements the body of a function, whose variables need not be used.
func asGo(b block, n int) (*goBlock, error) {
	const head = "package main\n"
	code, statements := b.text, false
	f, err := parser.ParseFile(token.NewFileSet(), "", head+code, 0)
	if err != nil {
		code, statements = "func _() {\n"+b.text+"}\n", true
		if f, err = parser.ParseFile(token.NewFileSet(), "", head+code, 0); err != nil {
			return nil, err
		}
	}
	g := &goBlock{code: code}
	params := g.resolve(f)
	if statements {
		g.code = fmt.Sprintf("func block%d(%s) {\n%s%s}\n", n, strings.Join(params, ", "), b.text, useAll(f))
	}
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Type.Results != nil && stores(fn) {
			g.run = append(g.run, fn.Name.Name)
		}
	}
	return g, nil
}

// stores says whether fn takes a context, a bucket and an io.Reader, and returns
// an error.
func stores(fn *ast.FuncDecl) bool {
	var all []string
	for _, f := range slices.Concat(fn.Type.Params.List, fn.Type.Results.List) {
		all = append(all, types.ExprString(f.Type))
	}
	return slices.Equal(all, []string{"context.Context", "*backend.Bucket", "io.Reader", "error"})
}

// resolve finds the packages that a file uses, and the values that it wants from
// outside.
func (g *goBlock) resolve(f *ast.File) (params []string) {
	packages := make(map[*ast.Ident]bool)
	ast.Inspect(f, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := sel.X.(*ast.Ident); ok && readmeImports[id.Name] != "" {
				packages[id] = true
			}
		}
		return true
	})
	for _, id := range f.Unresolved {
		switch {
		case packages[id]:
			g.imports = append(g.imports, readmeImports[id.Name])
		case readmeNames[id.Name] != "":
			params = append(params, id.Name+" "+readmeNames[id.Name])
			if pkg, _, ok := strings.Cut(strings.TrimLeft(readmeNames[id.Name], "*"), "."); ok {
				g.imports = append(g.imports, readmeImports[pkg])
			}
		}
	}
	slices.Sort(params)
	return slices.Compact(params)
}

// useAll uses the variables that the body of the only function in f declares.
func useAll(f *ast.File) string {
	var used strings.Builder
	for _, stmt := range f.Decls[0].(*ast.FuncDecl).Body.List {
		if assign, ok := stmt.(*ast.AssignStmt); ok && assign.Tok == token.DEFINE {
			for _, v := range assign.Lhs {
				used.WriteString("_ = " + types.ExprString(v) + "\n")
			}
		}
	}
	return used.String()
}

// readmeMain runs what stores a reader, and reads it back.
const readmeMain = `
func main() {
	ctx := context.Background()
	key, err := wrap.NewAESGCM([]byte("a key-encryption key of 32 bytes"))
	check(err)
	bucket := backend.NewBucket(mem.New(), key, key, nil)
	for _, store := range []func(context.Context, *backend.Bucket, io.Reader) error{%s} {
		check(store(ctx, bucket, os.Stdin))
	}
	for info, err := range bucket.List(ctx, nil) {
		check(err)
		obj, err := bucket.Get(ctx, info.Key)
		check(err)
		gz, err := gzip.NewReader(obj)
		check(err)
		_, err = io.Copy(os.Stdout, gz)
		check(err)
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
`

// TestReadmeGo compiles the Go blocks of README, and runs those that store an
// io.Reader in a bucket.
func TestReadmeGo(t *testing.T) {
	imports := []string{"compress/gzip", "context", "io", "os", module + "/backend", module + "/backend/mem", module + "/wrap"}
	var code strings.Builder
	var runs []string
	for i, b := range readmeBlocks(t, "go") {
		if b.spare != "" {
			continue
		}
		g, err := asGo(b, i)
		if err != nil {
			t.Fatalf("README.md, %v: %v", b, err)
		}
		imports = append(imports, g.imports...)
		runs = append(runs, g.run...)
		code.WriteString(g.code)
	}
	if len(runs) != 1 {
		t.Fatalf("README.md has %d functions of a context, a bucket and an io.Reader, want one", len(runs))
	}
	slices.Sort(imports)
	var program strings.Builder
	program.WriteString("package main\n\n")
	for _, path := range slices.Compact(imports) {
		fmt.Fprintf(&program, "import %q\n", path)
	}
	program.WriteString(code.String() + fmt.Sprintf(readmeMain, strings.Join(runs, ", ")))
	const dump = "CREATE TABLE t (n int);\n"
	if out := runInModule(t, program.String(), dump); out != dump {
		t.Errorf("the program of README's blocks stored %q of %q", out, dump)
	}
}

// runInModule runs a program as if it were a package of this module, which it
// is for the go command only.
func runInModule(t *testing.T, program, stdin string) string {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("needs the go command in PATH")
	}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file, overlay := filepath.Join(dir, "main.go"), filepath.Join(dir, "overlay.json")
	data, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(root, "internal", "readme", "main.go"): file}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{file: []byte(program), overlay: data} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var stderr strings.Builder
	cmd := exec.CommandContext(t.Context(), "go", "run", "-overlay", overlay, "./internal/readme")
	cmd.Stdin, cmd.Stderr = strings.NewReader(stdin), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go run: %v\n%s\n%s", err, stderr.String(), program)
	}
	return string(out)
}

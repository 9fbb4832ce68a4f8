// SPDX-License-Identifier: Apache-2.0

package s3seal_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/s3seal/s3seal"

// arrows lists, for each package of the core, the packages of this module that
// it may import itself. A package that is not listed is at the rim: it may
// import any of them, but nothing in the core may import it.
var arrows = map[string][]string{
	"stream":                   {"stream/internal/engine"},
	"stream/internal/engine":   nil,
	"stream/chunked":           {"stream", "stream/internal/engine"},
	"stream/streamtest":        {"stream"},
	"wrap":                     {"wrap/internal/rsakey"},
	"wrap/internal/rsakey":     nil,
	"wrap/legacy":              {"wrap", "wrap/internal/rsakey"},
	"wrap/localkms":            {"wrap"},
	"envelope":                 {"stream", "stream/chunked", "wrap", "envelope/internal/format", "internal/tempfile"},
	"envelope/internal/format": nil,
	"envelope/dare":            {"envelope", "envelope/internal/format", "stream", "stream/dare"},
	"backend":                  {"envelope", "stream", "wrap", "internal/filelock"},
	"backend/mem":              {"backend"},
	"backend/dir":              {"backend"},
	"backend/bulk":             {"backend", "envelope", "wrap", "internal/filelock"},
	"backend/backendtest":      {"backend"},
	"internal/filelock":        nil,
	"internal/tempfile":        nil,
}

// thirdParty are those of the core that may depend on others' modules: the one
// format that is not built in, so that the rest needs none, on sio.
var thirdParty = []string{"envelope/dare"}

// importers lists the only packages that may import a third-party module
// themselves, tests aside. The command makes the client that backend/s3 takes.
var importers = map[string][]string{
	"github.com/minio/minio-go/v7": {"backend/s3", "backend/s3/s3test", "cmd/s3seal", "bench/transfer"},
	"github.com/minio/sio":         {"stream/dare", "bench/ratio"},
	"github.com/aws":               {"wrap/awskms", "cmd/s3seal"}, // the command makes the client here, too
	"github.com/alecthomas/kong":   {"cmd/s3seal"},
}

type listedPackage struct {
	ImportPath string
	Standard   bool
	Imports    []string
	Deps       []string
}

func listPackages(t *testing.T) map[string]listedPackage {
	t.Helper()
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("needs the go command in PATH")
	}
	cmd := exec.CommandContext(t.Context(), goTool, "list", "-deps", "-json=ImportPath,Standard,Imports,Deps", "./...")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	all := make(map[string]listedPackage)
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listedPackage
		if err := dec.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatalf("go list output: %v", err)
		}
		all[p.ImportPath] = p
	}
}

// ours returns the path below the module, and whether p is in it.
func ours(p string) (string, bool) {
	return strings.CutPrefix(p, module+"/")
}

func TestImportsPointOneWay(t *testing.T) {
	all := listPackages(t)
	for name, allowed := range arrows {
		p, ok := all[module+"/"+name]
		if !ok {
			t.Errorf("package %s is missing: if it was renamed, so is what it may import", name)
			continue
		}
		for _, imp := range p.Imports {
			if rel, ok := ours(imp); ok && !slices.Contains(allowed, rel) {
				t.Errorf("%s imports %s, want only %q", name, rel, allowed)
			}
		}
	}
}

func TestCoreNeedsNoThirdParty(t *testing.T) {
	all := listPackages(t)
	for name := range arrows {
		if slices.Contains(thirdParty, name) {
			continue
		}
		for _, dep := range all[module+"/"+name].Deps {
			if _, ok := ours(dep); !ok && !all[dep].Standard {
				t.Errorf("%s depends on %s, want the standard library only", name, dep)
			}
		}
	}
}

func TestThirdPartyImporters(t *testing.T) {
	for path, p := range listPackages(t) {
		rel, ok := ours(path)
		if !ok {
			continue
		}
		for _, imp := range p.Imports {
			for mod, allowed := range importers {
				if (imp == mod || strings.HasPrefix(imp, mod+"/")) && !slices.Contains(allowed, rel) {
					t.Errorf("%s imports %s, want only %q to do so", rel, imp, allowed)
				}
			}
		}
	}
}

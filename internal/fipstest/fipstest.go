// SPDX-License-Identifier: Apache-2.0

// Package fipstest tests what becomes of a package in a program that runs with
// GODEBUG=fips140=only: all of it works, or is refused with an error, and
// nothing panics. It is for tests alone.
package fipstest

import (
	"crypto/fips140"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Calls are calls of exported functions of a package, and uses of what they
// return, by the name of the function. More than one call of the same function
// have names such as "New/short key".
type Calls map[string]func(t *testing.T) error

// Walk runs the test from which it is called once more, in FIPS 140-only mode,
// and makes the calls there. It wants nil from works, one of the errors of
// refusals from refused, and no panic. It fails if an exported function of the
// package in the current directory, as its source files have them, is called
// by neither: so no new constructor is forgotten.
//
// It skips, and says so, where the build has no such mode.
func Walk(t *testing.T, works, refused Calls, refusals ...error) {
	t.Helper()
	if !fips140.Enforced() {
		checkComplete(t, works, refused)
	}
	Rerun(t, func() { walk(t, works, refused, refusals) })
}

// Rerun runs the test from which it is called once more, in FIPS 140-only mode,
// where it calls check. It skips, and says so, where the build has no such mode.
func Rerun(t *testing.T, check func()) {
	t.Helper()
	if fips140.Enforced() {
		check()
		t.Log("checked under FIPS 140-only")
		return
	}
	if out := rerun(t, "^"+t.Name()+"$", "-test.v"); !strings.Contains(out, "checked under FIPS 140-only") {
		t.Errorf("the process did not run in FIPS 140-only mode:\n%s", out)
	}
}

// RerunAll runs all tests of the package once more, in FIPS 140-only mode. It
// must not be called there. It skips, and says so, where the build has no such
// mode.
func RerunAll(t *testing.T) {
	t.Helper()
	rerun(t, "^Test")
}

// rerun runs the tests whose names match in a process of that mode, and returns
// what that says.
func rerun(t *testing.T, pattern string, flags ...string) string {
	t.Helper()
	args := append([]string{"-test.run=" + pattern, "-test.count=1", "-test.timeout=" + timeout(t)}, flags...)
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only")
	out, err := cmd.CombinedOutput()
	if err != nil && strings.Contains(string(out), "incompatible with the purego build tag") {
		t.Skip("this build has no FIPS 140-3 mode: purego")
	}
	if err != nil {
		t.Errorf("under GODEBUG=fips140=only: %v\n%s", err, out)
	}
	return string(out)
}

// timeout returns how long a process may take: not as long as this one, so that it
// says itself where it hangs.
func timeout(t *testing.T) string {
	t.Helper()
	deadline, ok := t.Deadline()
	if !ok {
		return "0" // for ever
	}
	return max(time.Until(deadline)*9/10, time.Second).String()
}

// Skip skips a test of what FIPS 140-only mode refuses, in that mode.
func Skip(t testing.TB) {
	t.Helper()
	if fips140.Enforced() {
		t.Skip("not allowed in FIPS 140-only mode")
	}
}

func walk(t *testing.T, works, refused Calls, refusals []error) {
	for name, call := range works {
		t.Run(name, func(t *testing.T) {
			if err := call(t); err != nil {
				t.Errorf("error %v, want nil", err)
			}
		})
	}
	for name, call := range refused {
		t.Run(name, func(t *testing.T) {
			err := call(t)
			if !slices.ContainsFunc(refusals, func(want error) bool { return errors.Is(err, want) }) {
				t.Errorf("error %v, want one of %v", err, refusals)
			}
		})
	}
	t.Logf("%d work, %d are refused", len(works), len(refused))
}

// checkComplete compares the names of the calls with the functions there are.
func checkComplete(t *testing.T, works, refused Calls) {
	t.Helper()
	called := make(map[string]bool)
	for _, calls := range []Calls{works, refused} {
		for name := range calls {
			function, _, _ := strings.Cut(name, "/")
			called[function] = true
		}
	}
	exported := functions(t)
	if len(exported) == 0 {
		t.Error("no exported function in the current directory")
	}
	for name := range exported {
		if !called[name] {
			t.Errorf("%s is not called: want it among what works, or what is refused", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(called)) {
		if !exported[name] {
			t.Errorf("%s is called but is no exported function", name)
		}
	}
}

// functions returns the exported functions, not methods, that are declared in
// the source files of the current directory, tests excepted.
func functions(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	exported := make(map[string]bool)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.IsExported() {
				exported[fn.Name.Name] = true
			}
		}
	}
	return exported
}

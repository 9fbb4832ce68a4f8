// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"
)

// TestMain goes to the root of the module, as the command wants.
func TestMain(m *testing.M) {
	if err := os.Chdir(filepath.Join("..", "..")); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// TestMutantsApply keeps the list in step with the code: each text is there
// once, and what comes of it is Go.
func TestMutantsApply(t *testing.T) {
	names := make(map[string]bool)
	for _, m := range mutants {
		if names[m.name] {
			t.Errorf("%s: name given twice", m.name)
		}
		names[m.name] = true
		bad, err := m.apply()
		if err != nil {
			t.Error(err)
			continue
		}
		if _, err := parser.ParseFile(token.NewFileSet(), m.file, bad, parser.SkipObjectResolution); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
		for _, pkg := range m.packages {
			if tests, _ := filepath.Glob(filepath.Join(pkg, "*_test.go")); len(tests) == 0 {
				t.Errorf("%s: no tests in %s", m.name, pkg)
			}
		}
	}
	if len(mutants) < 40 {
		t.Errorf("want at least 40 mutants, got %d", len(mutants))
	}
}

func TestPick(t *testing.T) {
	all := regexp.MustCompile("")
	a, b := pick(mutants, all, 8, "a"), pick(mutants, all, 8, "a")
	if len(a) != 8 || !slices.EqualFunc(a, b, func(a, b mutant) bool { return a.name == b.name }) {
		t.Errorf("want the same 8 mutants of one seed twice, got %d and %d", len(a), len(b))
	}
	seen := make(map[string]bool)
	for i := range 300 {
		for _, m := range pick(mutants, all, 8, strconv.Itoa(i)) {
			seen[m.name] = true
		}
	}
	if len(seen) != len(mutants) {
		t.Errorf("want all %d mutants to have their turn, got %d", len(mutants), len(seen))
	}
	if got := pick(mutants, regexp.MustCompile("^policy-ignored$"), 0, ""); len(got) != 1 {
		t.Errorf("want one mutant of that name, got %d", len(got))
	}
}

// TestVerdict shows that the score counts what it should.
func TestVerdict(t *testing.T) {
	auth, plain := mutant{name: "a", auth: true}, mutant{name: "p"}
	for _, c := range []struct {
		name   string
		counts func(r *runner)
		ok     bool
	}{
		{"hung", func(r *runner) { r.count(auth, hung) }, true},
		{"all killed", func(r *runner) { r.count(auth, killed) }, true},
		{"authentication survived", func(r *runner) { many(r, plain, killed, 99); r.count(auth, survived) }, false},
		{"one of 20 survived", func(r *runner) { many(r, plain, killed, 19); r.count(plain, survived) }, true},
		{"two of 20 survived", func(r *runner) { many(r, plain, killed, 18); many(r, plain, survived, 2) }, false},
		{"equivalent", func(r *runner) { r.count(plain, killed); r.count(auth, excused) }, true},
	} {
		var out bytes.Buffer
		r := &runner{out: &out}
		c.counts(r)
		if err := r.verdict(); (err == nil) != c.ok || err != nil && !errors.Is(err, errSurvivors) {
			t.Errorf("%s: want ok %v, got %v", c.name, c.ok, err)
		}
	}
}

func many(r *runner, m mutant, outcome string, n int) {
	for range n {
		r.count(m, outcome)
	}
}

func TestLog(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	r := &runner{log: name, commit: "abc"}
	if err := r.note(mutant{name: "m"}, killed, "TestM"); err != nil {
		t.Fatal(err)
	}
	for commit, want := range map[string]string{"abc": killed, "def": ""} {
		done, err := readLog(name, commit)
		if err != nil || done["m"] != want {
			t.Errorf("commit %s: want %q, got %q, %v", commit, want, done["m"], err)
		}
	}
}

// TestJudge: a test that fails has a name; all else must be accounted for.
func TestJudge(t *testing.T) {
	for _, c := range []struct {
		out  string
		want finding
		ok   bool
	}{
		{"--- FAIL: TestA (0.01s)\n    --- FAIL: TestA/b (0.00s)\nFAIL\tx\t0.1s\nFAIL\n", finding{found: true, by: "TestA"}, true},
		{"panic: test timed out after 1m0s\n\trunning tests:\n\t\tTestA (1m0s)\nFAIL\tx\t60s\n", finding{found: true, by: "it does not end", hung: true}, true},
		{"panic: runtime error: index out of range\n\ngoroutine 1\nFAIL\tx\t0.1s\n", finding{found: true, by: "panic: runtime error: index out of range"}, true},
		{"# x\n./a.go:1: undefined: b\nFAIL\tx [build failed]\n", finding{}, false},
		{"FAIL\tx\t0.1s\nFAIL\n", finding{}, false},
	} {
		got, err := judge(c.out)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("judge(%q) = %+v, %v, want %+v, ok %v", c.out, got, err, c.want, c.ok)
		}
	}
}

// TestBaseline: where tests fail without a bug, no bug is tried; where a change
// is none, it survives.
func TestBaseline(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles and runs other tests")
	}
	r := &runner{out: new(bytes.Buffer), limit: time.Minute}
	if limit, err := r.limitOf(t.Context(), "internal/filelock"); err != nil || limit < least {
		t.Fatalf("limitOf = %v, %v, want at least %v", limit, err, least)
	}
	none := mutant{
		name: "none", file: "internal/tempfile/tempfile.go", packages: []string{"internal/tempfile"},
		old: "package tempfile\n", new: "package tempfile // as it is\n",
	}
	if outcome, by, err := r.outcome(t.Context(), none); err != nil || outcome != survived {
		t.Errorf("outcome = %q, %q, %v, want %q of a change that is none", outcome, by, err, survived)
	}
	r.limit = time.Nanosecond
	if _, err := r.limitOf(t.Context(), "internal/tempfile2"); err == nil {
		t.Error("limitOf a package that is not there = nil, want an error")
	}
}

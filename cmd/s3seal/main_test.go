// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestFilesOfPackage: the comment of the package says what each file is about. Those
// of the commands have their names from there.
func TestFilesOfPackage(t *testing.T) {
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(source), "// # Files")
	section, _, _ = strings.Cut(section, "package main")
	known := strings.FieldsFunc(section, func(r rune) bool { return strings.ContainsRune(" \r\n/,;:.", r) })
	for _, command := range testParser(t).Model.Children {
		known = append(known, strings.ReplaceAll(command.Name, "-", ""))
	}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 2 {
		t.Fatalf("found %q, %v", files, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(file, ".go")
		about := func(word string) bool {
			ok, err := filepath.Match(word, name)
			return ok && err == nil && word != "*"
		}
		if !strings.HasSuffix(name, "_test") && !slices.ContainsFunc(known, about) {
			t.Errorf("the comment of the package does not say what %s is about", file)
		}
	}
}

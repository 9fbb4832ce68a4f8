// SPDX-License-Identifier: Apache-2.0

package s3seal_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend/s3/s3test"
)

func TestMain(m *testing.M) { s3test.Main(m) }

// A block is one between fences in README.md.
type block struct {
	line  int    // of its first line of text
	lang  string // as the fence says it
	text  string
	spare string // why it is not run; empty if it is
}

func (b block) String() string { return fmt.Sprintf("%s in line %d", b.lang, b.line) }

// notRun before a fence says that the block is for reading, and why.
var notRun = regexp.MustCompile(`^<!-- not run: (.+) -->$`)

// readmeBlocks returns the blocks of a language in their order.
func readmeBlocks(t *testing.T, lang string) []block {
	t.Helper()
	all, err := fencedBlocks(readFile(t, "README.md"))
	if err != nil {
		t.Fatalf("README.md: %v", err)
	}
	var found []block
	for _, b := range all {
		if b.lang == lang {
			found = append(found, b)
		}
	}
	if len(found) == 0 {
		t.Fatalf("README.md has no block of %s", lang)
	}
	return found
}

// fencedBlocks splits Markdown. The comment that spares a block is on the last
// line before its fence that is not empty.
func fencedBlocks(text string) ([]block, error) {
	var all []block
	var open *block
	var before string
	for i, line := range strings.Split(text, "\n") {
		lang, fence := strings.CutPrefix(line, "```")
		switch {
		case open == nil && fence:
			open = &block{line: i + 2, lang: lang}
			if m := notRun.FindStringSubmatch(before); m != nil {
				open.spare = m[1]
			}
		case open != nil && fence:
			all, open = append(all, *open), nil
			before = ""
		case open != nil:
			open.text += line + "\n"
		case line != "":
			before = line
		}
	}
	if open != nil {
		return nil, fmt.Errorf("the block in line %d has no end", open.line)
	}
	return all, nil
}

func TestFencedBlocks(t *testing.T) {
	got, err := fencedBlocks("x\n```sh\na\n\nb\n```\ny\n<!-- not run: slow -->\n\n```go\nc\n```\n```sh\n```\n")
	want := []block{{3, "sh", "a\n\nb\n", ""}, {11, "go", "c\n", "slow"}, {14, "sh", "", ""}}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("blocks = %q, %v; want %q", got, err, want)
	}
	if _, err := fencedBlocks("```sh\n"); err == nil {
		t.Error("a block without an end is no error")
	}
}

// TestReadmeBlocksHaveALanguage: else nobody would notice one that is not run.
func TestReadmeBlocksHaveALanguage(t *testing.T) {
	all, err := fencedBlocks(readFile(t, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		if b.lang != "sh" && b.lang != "go" && b.lang != "text" {
			t.Errorf("the block in line %d is in %q, want sh, go or text", b.line, b.lang)
		}
	}
}

// copyCheckout copies what somebody has who has cloned the repository, and more
// if there is more in the folder.
func copyCheckout(t *testing.T) string {
	t.Helper()
	dst := filepath.Join(t.TempDir(), "s3seal")
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path == ".git":
			return fs.SkipDir
		case d.IsDir():
			return os.Mkdir(filepath.Join(dst, path), 0o777)
		case !d.Type().IsRegular():
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dst, path), data, 0o666)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dst
}

// makeWritable lets the folder of a test be removed: the go command keeps
// modules in folders that are not writable.
func makeWritable(t *testing.T, dir string) {
	t.Helper()
	t.Cleanup(func() {
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				err = os.Chmod(path, 0o700)
			}
			return err
		})
	})
}

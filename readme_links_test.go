// SPDX-License-Identifier: Apache-2.0

package s3seal_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// links are those of Markdown.
var links = regexp.MustCompile(`\]\(([^)]*)\)`)

// TestLinks: the files and headings to which the documents lead are there.
func TestLinks(t *testing.T) {
	for _, doc := range []string{"README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "bench/RESULTS.md"} {
		for _, link := range links.FindAllStringSubmatch(prose(readFile(t, doc)), -1) {
			if strings.Contains(link[1], "://") {
				continue
			}
			path, heading, _ := strings.Cut(link[1], "#")
			target := doc
			if path != "" {
				target = filepath.Join(filepath.Dir(doc), filepath.FromSlash(path))
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s leads to what is not there: %v", doc, err)
			} else if heading != "" && !slices.Contains(anchors(readFile(t, target)), heading) {
				t.Errorf("%s leads to %q, and %s has no such heading", doc, heading, target)
			}
		}
	}
}

// prose is a document without its blocks.
func prose(text string) string {
	var lines []string
	fenced := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		} else if !fenced {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// anchors are the headings of a document as links name them.
func anchors(text string) (all []string) {
	for line := range strings.Lines(prose(text)) {
		heading, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " ")
		if !ok || line[0] != '#' {
			continue
		}
		all = append(all, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(heading)))
	}
	return all
}

func TestAnchors(t *testing.T) {
	got := anchors("# A title, Go's\nx\n```sh\n# a comment\n```\n#no heading\n### V1 & co\n")
	if want := []string{"a-title-gos", "v1--co"}; !slices.Equal(got, want) {
		t.Errorf("anchors = %q, want %q", got, want)
	}
}

// SPDX-License-Identifier: Apache-2.0

package s3seal_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What bench/peers/report writes between marks, into RESULTS.md and README.
var figures = regexp.MustCompile(`(?s)<!-- bench:begin -->\n.*<!-- bench:end -->\n`)

// links are those of Markdown.
var links = regexp.MustCompile(`\]\(([^)]*)\)`)

// TestReadmeFigures: the figures of README are those that were measured, and
// what it shows is there. The command that measures keeps it so.
func TestReadmeFigures(t *testing.T) {
	measured := figures.FindString(readFile(t, filepath.Join("bench", "RESULTS.md")))
	if measured == "" {
		t.Fatal("bench/RESULTS.md has no block between marks; run: go run -C bench/peers ./report -only none")
	}
	measured = strings.ReplaceAll(measured, "](", "](bench/")
	for _, link := range links.FindAllStringSubmatch(measured, -1) {
		if _, err := os.Stat(filepath.FromSlash(link[1])); err != nil {
			t.Errorf("README would show what is not there: %v", err)
		}
	}
	shown := figures.FindString(readFile(t, "README.md"))
	if shown == "" {
		t.Fatal("README.md has no figures between <!-- bench:begin --> and <!-- bench:end -->")
	}
	if shown != measured {
		t.Errorf("README.md does not show what was measured; run: go run -C bench/peers ./report -only none\nREADME.md:\n%s\nmeasured:\n%s", shown, measured)
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

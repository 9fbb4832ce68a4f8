// SPDX-License-Identifier: Apache-2.0

package s3seal_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// figures are the names of what bench/peers/report writes between marks, into
// RESULTS.md and README.
var figures = []string{"bench", "bars"}

// TestReadmeFigures: the figures of README are those that were measured. The
// command that measures keeps it so.
func TestReadmeFigures(t *testing.T) {
	results, readme := readFile(t, filepath.Join("bench", "RESULTS.md")), readFile(t, "README.md")
	for _, name := range figures {
		measured := between(results, name)
		if measured == "" {
			t.Errorf("bench/RESULTS.md has nothing between the marks %s; run: go run -C bench/peers ./report -only none", name)
			continue
		}
		want := strings.ReplaceAll(measured, "](", "](bench/")
		if shown := between(readme, name); shown != want {
			t.Errorf("README.md does not show what was measured; run: go run -C bench/peers ./report -only none\nREADME.md:\n%s\nmeasured:\n%s", shown, want)
		}
	}
}

// between returns what is between the marks of that name.
func between(text, name string) string {
	_, rest, _ := strings.Cut(text, "<!-- "+name+":begin -->\n")
	inside, _, ok := strings.Cut(rest, "<!-- "+name+":end -->\n")
	if !ok {
		return ""
	}
	return inside
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

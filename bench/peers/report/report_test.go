// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestQuick runs the command in its quick form and looks at what it has written.
func TestQuick(t *testing.T) {
	only := ""
	if testing.Short() {
		only = "streams,scaling,peers,memory" // no server, no other programs
	}
	out := t.TempDir()
	var log strings.Builder
	if err := run(t.Context(), &log, true, only, out); err != nil {
		t.Fatalf("run = %v\n%s", err, log.String())
	}
	text := read(t, filepath.Join(out, "RESULTS.md"))
	for _, want := range []string{
		"| GCM | encrypt | ReadFrom |", "| AES-GCM |", "| s3seal-V3 |", "| sio |", "| tink-1MiB |", "| age |",
		"github.com/minio/sio v", "<!-- bench:begin -->\n", "<!-- bench:end -->\n", "<!-- bars:begin -->\n", "<!-- bars:end -->\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("RESULTS.md has no %q:\n%s", want, text)
		}
	}
	for _, c := range charts() {
		wellFormed(t, filepath.Join(out, "results", c.file))
		if !strings.Contains(text, "](results/"+c.file+")") {
			t.Errorf("RESULTS.md does not show %s", c.file)
		}
	}
}

// TestPublished: what is in the repository is what its own lines give.
func TestPublished(t *testing.T) {
	root, err := moduleRoot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	bench := filepath.Join(root, "bench")
	if _, err := os.Stat(filepath.Join(bench, "results")); errors.Is(err, os.ErrNotExist) {
		t.Fatalf("%v: run the command", err)
	}
	r, err := readResults(filepath.Join(bench, "results"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	drawn, err := writeCharts(r, dir)
	if err != nil {
		t.Fatal(err)
	}
	const again = "go run -C bench/peers ./report -only none"
	if got := read(t, filepath.Join(bench, "RESULTS.md")); got != report(r, drawn) {
		t.Errorf("RESULTS.md is not what results/*.txt give; %s", again)
	}
	for _, c := range drawn {
		if read(t, filepath.Join(bench, "results", c.file)) != read(t, filepath.Join(dir, c.file)) {
			t.Errorf("%s is not what results/*.txt give; %s", c.file, again)
		}
	}
}

// TestUpdateReadme: what is between the marks is exchanged, and nothing else.
func TestUpdateReadme(t *testing.T) {
	b := block{"x", "new ![a](results/a.svg) [RESULTS.md](RESULTS.md)\n"}
	const other = "<!-- y:begin -->\nold\n<!-- y:end -->\n"
	tests := []struct{ readme, want string }{
		{"no marks", "no marks"},
		{
			"a\n<!-- x:begin -->\nold\n<!-- x:end -->\nb\n" + other,
			"a\n<!-- x:begin -->\nnew ![a](bench/results/a.svg) [RESULTS.md](bench/RESULTS.md)\n<!-- x:end -->\nb\n" + other,
		},
	}
	for _, tt := range tests {
		if got, err := updateReadme(tt.readme, b); err != nil || got != tt.want {
			t.Errorf("updateReadme(%q) = %q, %v, want %q", tt.readme, got, err, tt.want)
		}
	}
	if got, err := updateReadme("a <!-- x:begin --> b", b); err == nil {
		t.Errorf("updateReadme without an end = %q, want an error", got)
	}
}

// TestMedian: of what several runs say, by key and cores.
func TestMedian(t *testing.T) {
	m, err := parse("x", []byte("cpu: first\ncpu: second\nBenchmarkPeer/peer=a/op=b/size=1MiB-2 1 1 ns/op 5.00 MB/s\n"+
		"BenchmarkPeer/peer=a/op=b/size=1MiB-2 1 3 ns/op 1.00 MB/s\nBenchmarkPeer/peer=a/op=b/size=1MiB-2 1 2 ns/op 2.00 MB/s\n"+
		"BenchmarkPeer/peer=a/op=b/size=1MiB 1 9 ns/op 9.00 MB/s\nBenchmarkPeer/peer=c/op=b/size=1MiB-2 1 9 ns/op 9.00 MB/s\nPASS\n"))
	if err != nil {
		t.Fatal(err)
	}
	if m.header["cpu"] != "first" {
		t.Errorf("cpu = %q, want the first", m.header["cpu"])
	}
	if v, n := m.where("Peer", "peer", "a").on(2).median(bytesPerSecond); v != 2e6 || n != 3 {
		t.Errorf("median = %v of %d, want 2e+06 of 3", v, n)
	}
	if v, n := m.where("Other").median(bytesPerSecond); n != 0 {
		t.Errorf("median of nothing = %v of %d, want none", v, n)
	}
	if got := m.runs(); got != "1 to 3" {
		t.Errorf("runs = %q, want 1 to 3", got)
	}
}

// TestParts: names that are not parts are refused.
func TestParts(t *testing.T) {
	if _, err := parts("streams,nonsense"); err == nil {
		t.Error("parts = nil, want an error for a name that is none")
	}
	if got, err := parts("openssl,streams"); err != nil || len(got) != 2 || got[0].name != "streams" {
		t.Errorf("parts = %v, %v, want both in their order", got, err)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func wellFormed(t *testing.T, name string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(read(t, name)))
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Errorf("%s: %v", filepath.Base(name), err)
			return
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A block is between marks in RESULTS.md, and again in README, which has its blocks
// where its reader looks for them: the one at the beginning, the other at the end.
type block struct{ name, text string }

func (b block) begin() string { return "<!-- " + b.name + ":begin -->" }
func (b block) end() string   { return "<!-- " + b.name + ":end -->" }

// String returns the block with its marks.
func (b block) String() string { return b.begin() + "\n" + b.text + b.end() + "\n" }

// publish writes RESULTS.md and the charts from the lines in out/results. If
// readme is a file with marks, what is between them is written anew.
func publish(out, readme string) error {
	dir := filepath.Join(out, "results")
	r, err := readResults(dir)
	if err != nil {
		return err
	}
	drawn, err := writeCharts(r, dir)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(out, "RESULTS.md"), []byte(report(r, drawn)), 0o666); err != nil {
		return err
	}
	if readme == "" {
		return nil
	}
	old, err := os.ReadFile(readme)
	if err != nil {
		return err
	}
	updated := string(old)
	for _, b := range blocks(r, drawn) {
		if updated, err = updateReadme(updated, b); err != nil {
			return err
		}
	}
	if updated == string(old) {
		return nil
	}
	return os.WriteFile(readme, []byte(updated), 0o666)
}

// updateReadme puts the block in the place of that in readme, if there is one,
// with links that lead from the root.
func updateReadme(readme string, b block) (string, error) {
	before, rest, ok := strings.Cut(readme, b.begin())
	if !ok {
		return readme, nil
	}
	_, after, ok := strings.Cut(rest, b.end())
	if !ok {
		return "", fmt.Errorf("README has %s without %s", b.begin(), b.end())
	}
	text := strings.ReplaceAll(b.String(), "](", "](bench/")
	return before + strings.TrimSuffix(text, "\n") + after, nil
}

// blocks are what README shows.
func blocks(r results, drawn []chart) []block {
	return []block{{"bench", headText(r, drawn)}, {"bars", barText(r)}}
}

// headText is what a stranger wants to know first.
func headText(r results, drawn []chart) string {
	var b strings.Builder
	if h := r["peers"].header; h != nil {
		fmt.Fprintf(&b, "%s, %s, %s; s3seal at %s. Medians of %s runs, GB/s;\nmemory is the peak of a process that encrypts and decrypts %s through a pipe.\n\n",
			h["cpu"], plural(h["cores"]), h["go-version"], h["commit"], r["peers"].runs(), largest(r["memory"]))
	}
	headTable(r).write(&b)
	b.WriteString("s3seal-V3 is verified at its end, where that format has its tag, s3seal-CBC never, the others chunk by chunk; age has\n" +
		"ChaCha20-Poly1305, the others AES-256.\n\n")
	for _, c := range drawn {
		if c.inReadme {
			fmt.Fprintf(&b, "![%s](results/%s)\n", c.title, c.file)
		}
	}
	return b.String()
}

// barText is the ratios that have to be reached, each followed by what it means;
// one that is not is in bold, and how many are not is said first.
func barText(r results) string {
	var b strings.Builder
	if met, all := reached(r["ratio"], r["transfer"]); all > 0 {
		fmt.Fprintf(&b, "Of %d bars %d are reached; what is below its bar is in bold.\n\n", all, met)
	}
	if tables := ratioTables(r["ratio"]); len(tables) > 0 {
		b.WriteString("To the one-shot functions of `crypto/cipher`, or to sio where it says so, in one run; processor time on one core, real time\n" +
			"on several, there what the second core gains divided by what it gains for one-shot calls.\n\n")
		for _, t := range tables {
			t.write(&b)
		}
	}
	if t := transferTable(r["transfer"]); len(t.rows) > 0 {
		b.WriteString("Through a MinIO on loopback, in turns with minio-go and its plaintext:\n\n")
		t.write(&b)
	}
	b.WriteString("All of it, and how it was measured: [RESULTS.md](RESULTS.md)\n")
	return b.String()
}

// headTable is who encrypts how fast in how much memory.
func headTable(r results) *table {
	peers, memory := r["peers"], r["memory"]
	size, long := largest(peers), largest(memory)
	procs := peers.where("Peer", "size", size).procs()
	t := &table{head: []string{"", "encrypt " + size, "decrypt " + size, "memory, MiB"}}
	if len(procs) == 0 {
		return t
	}
	n := procs[len(procs)-1]
	for _, peer := range peers.distinct("peer") {
		of := func(op string) string { return rate(peers.where("Peer", "peer", peer, "size", size, "op", op).on(n)) }
		t.add(peer, of("encrypt"), of("decrypt"), peak(memory.where("Memory", "peer", peer, "size", long)))
	}
	return t
}

// report is the text of RESULTS.md.
func report(r results, drawn []chart) string {
	var b strings.Builder
	b.WriteString("# Results\n\nWritten by `go run -C bench/peers ./report`, as are the charts; do not edit. The lines behind the figures are in\n" +
		"`results/*.txt`, for `benchstat` too. Throughput is in GB/s (10⁹ bytes), memory in MiB.\n\n")
	for _, shown := range blocks(r, drawn) {
		b.WriteString(shown.String() + "\n")
	}
	b.WriteString("## Machine\n\n")
	machineTable(r).write(&b)
	b.WriteString("The load is that of the minute before, in which a part before it was at work; where it is larger than the number of cores, so were\nothers, and such figures say little.\n\n")
	for _, v := range versions(r) {
		fmt.Fprintf(&b, "- %s\n", v)
	}
	b.WriteString("\n")
	for _, s := range sections(r) {
		s.write(&b, drawn)
	}
	return b.String()
}

// A section is about one part.
type section struct {
	title, text string
	part        string
	charts      []string // files
	tables      []*table
	verbatim    string
}

func (s section) write(b *strings.Builder, drawn []chart) {
	fmt.Fprintf(b, "## %s\n\n%s\n\n", s.title, s.text)
	for _, c := range drawn {
		for _, file := range s.charts {
			if c.file == file {
				fmt.Fprintf(b, "![%s](results/%s)\n\n", c.title, file)
			}
		}
	}
	for _, t := range s.tables {
		t.write(b)
	}
	if s.verbatim != "" {
		b.WriteString("```\n" + s.verbatim + "```\n\n")
	}
}

func sections(r results) []section {
	all := []section{
		{
			part: "streams", title: "Streams, one core", charts: []string{"throughput.svg"}, tables: []*table{streamTable(r["streams"])},
			text: "In parentheses the ratio to the one-shot function of `crypto/cipher` (`oneshot`), whose input is in place while a stream\n" +
				"copies its source: for CTR, CBC and GCM on the whole, for chunked and DARE chunk by chunk in a buffer that stays in the\n" +
				"cache. Reads and writes are of 32 KiB. GCM and V3 release what they decrypt before the tag is verified, in constant memory;\n" +
				"GCMBuffered and V3Buffered after, and hold all of it. V3 makes, wraps, unwraps and derives keys for each object.",
		},
		{part: "streams", title: "Key wraps, one core", tables: []*table{wrapTable(r["streams"])}, text: "One 256-bit content key."},
		{
			part: "scaling", title: "Scaling", charts: []string{"scaling.svg"}, tables: []*table{scalingTable(r["scaling"])},
			text: "Objects of " + largest(r["scaling"]) + "; in parentheses the ratio to one core. CBC encryption and DARE work on one core,\nhowever many there are.",
		},
		{
			part: "ratio", title: "Ratios", verbatim: withoutHeader(r["ratio"]),
			text: "By `go run ./bench/ratio`, which says what is compared and how.",
		},
		{
			part: "openssl", title: "OpenSSL, one core", tables: []*table{opensslTable(r["openssl"], r["streams"])},
			text: "`openssl speed -evp`, which works in one buffer, sets up the key once and, to decrypt GCM, verifies no tag.",
		},
		{
			part: "peers", title: "Peers", charts: []string{"peers.svg"}, tables: []*table{peerTable(r["peers"])},
			text: "From and to memory by `io.Copy`, each run in a process of its own, with all cores and held to one. Of the others none\n" +
				"encrypts or decrypts on several by itself; there the second core has the garbage collector.",
		},
		{
			part: "memory", title: "Memory over size", charts: []string{"memory.svg"}, tables: []*table{memoryTable(r["memory"])},
			text: "The peak of resident memory, in MiB, of a process that encrypts a generated plaintext into a pipe and decrypts and compares what\n" +
				"comes out of it; both ends, and the Go runtime, are in it. The chart leaves some of them out, and has the clients of the next\n" +
				"section, each the larger of put and get, through MinIO, up to 1 GiB:\n" +
				"s3crypto holds the object in memory, EncryptionV2 puts by way of a temporary file.",
		},
		{
			part: "endtoend", title: "End to end", tables: []*table{endToEndTable(r["endtoend"])},
			text: "A file put to a MinIO on the same machine, and got to a file, by encryption clients and by plain minio-go: MB/s, and the peak\n" +
				"of resident memory in MiB of the process of the client. Client and server share the cores. What is got is compared with what was put.\n" +
				"s3seal gets to a file that has its name when all is verified and on the disk, which costs a sync that the others do not make;\n" +
				"it writes V3, EncryptionV2 and s3crypto V2.",
		},
		{
			part: "transfer", title: "What sealing costs a transfer", verbatim: withoutHeader(r["transfer"]),
			text: "By `go run ./bench/transfer`: puts and gets in turns with minio-go, with the same parts.",
		},
	}
	for i := range all {
		if note := r[all[i].part].header["note"]; note != "" {
			all[i].text += "\n\nNot complete: " + note + "."
		}
	}
	return all
}

// withoutHeader returns the lines that are not of the header.
func withoutHeader(m *measured) string {
	var b bytes.Buffer
	for line := range strings.Lines(m.text) {
		if key, _, ok := strings.Cut(line, ": "); ok && m.header[key] != "" && !strings.ContainsAny(key, " \t") {
			continue
		}
		b.WriteString(line)
	}
	return b.String()
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Units as benchfmt has them.
const (
	bytesPerSecond = "B/s"
	secondsPerOp   = "sec/op"
	peakBytes      = "peak-rss-bytes"
)

// A table is one of Markdown.
type table struct {
	head []string
	rows [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// write writes the table, unless it is empty.
func (t *table) write(b *strings.Builder) {
	if len(t.rows) == 0 {
		return
	}
	line := func(cells []string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	line(t.head)
	b.WriteString("|" + strings.Repeat("---|", len(t.head)) + "\n")
	for _, r := range t.rows {
		line(r)
	}
	b.WriteString("\n")
}

// rate is a throughput in GB/s.
func rate(m *measured) string {
	v, n := m.median(bytesPerSecond)
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", v/1e9)
}

// rateOf is a throughput and its ratio to that of another.
func rateOf(m, other *measured) string {
	v, _ := m.median(bytesPerSecond)
	o, n := other.median(bytesPerSecond)
	if n == 0 || v == 0 {
		return rate(m)
	}
	return fmt.Sprintf("%s (%.2f)", rate(m), v/o)
}

// peak is memory in MiB.
func peak(m *measured) string {
	v, n := m.median(peakBytes)
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f", v/(1<<20))
}

// baseline names the mode whose one-shot rows are those to compare with.
func baseline(mode string) string {
	switch mode {
	case "GCMBuffered", "V3", "V3Buffered":
		return "GCM"
	}
	return mode
}

// largest returns the last size, which is the largest.
func largest(m *measured) string {
	sizes := m.distinct("size")
	if len(sizes) == 0 {
		return ""
	}
	return sizes[len(sizes)-1]
}

// streamTable is every row of the streams, with its ratio to the one-shot one.
func streamTable(m *measured) *table {
	sizes := m.where("Stream").distinct("size")
	t := &table{head: append([]string{"mode", "operation", "by"}, sizes...)}
	for _, mode := range m.distinct("mode") {
		for _, op := range m.where("Stream", "mode", mode).distinct("op") {
			for _, how := range m.where("Stream", "mode", mode, "op", op).distinct("how") {
				row := []string{mode, op, how}
				for _, size := range sizes {
					one := m.where("Stream", "mode", baseline(mode), "op", plainOp(op), "how", "oneshot", "size", size)
					if how == "oneshot" {
						one = &measured{}
					}
					row = append(row, rateOf(m.where("Stream", "mode", mode, "op", op, "how", how, "size", size), one))
				}
				t.add(row...)
			}
		}
	}
	row := []string{"no cipher", "copy", "io.Copy"}
	for _, size := range sizes {
		row = append(row, rate(m.where("Copy", "size", size)))
	}
	if len(sizes) > 0 {
		t.add(row...)
	}
	return t
}

// plainOp is the operation that the one-shot function does: it cannot verify
// without decrypting.
func plainOp(op string) string {
	if op == "verify" {
		return "decrypt"
	}
	return op
}

func wrapTable(m *measured) *table {
	t := &table{head: []string{"wrap", "wrap/s", "unwrap/s"}}
	perSecond := func(alg, op string) string {
		v, n := m.where("Wrap", "alg", alg, "op", op).median(secondsPerOp)
		if n == 0 {
			return ""
		}
		return strconv.FormatFloat(1/v, 'f', 0, 64)
	}
	for _, alg := range m.where("Wrap").distinct("alg") {
		t.add(alg, perSecond(alg, "wrap"), perSecond(alg, "unwrap"))
	}
	return t
}

func scalingTable(m *measured) *table {
	procs := m.procs()
	t := &table{head: []string{"mode", "operation", "by"}}
	for _, n := range procs {
		t.head = append(t.head, cores(n))
	}
	for _, mode := range m.distinct("mode") {
		for _, op := range m.where("Stream", "mode", mode).distinct("op") {
			rows := m.where("Stream", "mode", mode, "op", op)
			row := []string{mode, op, strings.Join(rows.distinct("how"), ", ")}
			for _, n := range procs {
				row = append(row, rateOf(rows.on(n), rows.on(procs[0])))
			}
			t.add(row...)
		}
	}
	return t
}

func cores(n int) string {
	if n == 1 {
		return "1 core"
	}
	return strconv.Itoa(n) + " cores"
}

// opensslTable has the one-shot functions of crypto/cipher beside OpenSSL, and
// the stream.
func opensslTable(m, streams *measured) *table {
	t := &table{head: []string{"mode", "operation", "size", "OpenSSL", "crypto/cipher (to OpenSSL)", "stream (to OpenSSL)"}}
	for _, mode := range m.distinct("mode") {
		for _, op := range m.where("OpenSSL", "mode", mode).distinct("op") {
			for _, size := range m.where("OpenSSL").distinct("size") {
				theirs := m.where("OpenSSL", "mode", mode, "op", op, "size", size)
				ours := func(how string) string {
					return rateOf(streams.where("Stream", "mode", mode, "op", op, "size", size, "how", how), theirs)
				}
				t.add(mode, op, size, rate(theirs), ours("oneshot"), ours(best(mode, op)))
			}
		}
	}
	return t
}

// best is the way that uses what the stream can do.
func best(mode, op string) string {
	switch {
	case mode == "CTRRange":
		return "Read"
	case op == "encrypt":
		return "ReadFrom"
	}
	return "WriteTo"
}

func peerTable(m *measured) *table {
	t := &table{head: []string{""}}
	type column struct {
		size  string
		procs int
		op    string
	}
	var columns []column
	for _, size := range m.distinct("size") {
		for _, n := range m.where("Peer", "size", size).procs() {
			for _, op := range []string{"encrypt", "decrypt"} {
				columns = append(columns, column{size, n, op})
				t.head = append(t.head, fmt.Sprintf("%s, %s, %s", op, size, cores(n)))
			}
		}
	}
	for _, peer := range m.distinct("peer") {
		row := []string{peer}
		for _, c := range columns {
			row = append(row, rate(m.where("Peer", "peer", peer, "size", c.size, "op", c.op).on(c.procs)))
		}
		t.add(row...)
	}
	return t
}

func memoryTable(m *measured) *table {
	sizes := m.distinct("size")
	t := &table{head: append([]string{""}, sizes...)}
	for _, peer := range m.distinct("peer") {
		row := []string{peer}
		for _, size := range sizes {
			row = append(row, peak(m.where("Memory", "peer", peer, "size", size)))
		}
		t.add(row...)
	}
	return t
}

func endToEndTable(m *measured) *table {
	sizes := m.distinct("size")
	t := &table{head: []string{"client", "operation"}}
	for _, size := range sizes {
		t.head = append(t.head, size+", MB/s", size+", MiB")
	}
	for _, op := range m.distinct("op") {
		for _, client := range m.distinct("client") {
			row := []string{client, op}
			for _, size := range sizes {
				s := m.where("EndToEnd", "client", client, "op", op, "size", size)
				v, _ := s.median(bytesPerSecond)
				row = append(row, fmt.Sprintf("%.0f", v/1e6), peak(s))
			}
			t.add(row...)
		}
	}
	return t
}

// machineTable is what each part was measured on.
func machineTable(r results) *table {
	t := &table{head: []string{"part", "runs", "machine", "Go", "commit", "measured", "load before"}}
	for _, name := range partNames() {
		m := r[name]
		if m.header == nil {
			t.add(name, "not measured", "", "", "", "", "")
			continue
		}
		h := m.header
		machine := fmt.Sprintf("%s, %s %s/%s", h["cpu"], plural(h["cores"]), h["goos"], h["goarch"])
		t.add(name, m.runs(), machine, h["go-version"], h["commit"], h["measured"], h["load"])
	}
	return t
}

func plural(n string) string {
	i, _ := strconv.Atoi(n) // this program has written it
	return cores(i)
}

// versions are those of all parts, each once.
func versions(r results) []string {
	var all []string
	for _, name := range partNames() {
		for v := range strings.SplitSeq(r[name].header["versions"], ", ") {
			if v != "" && !slices.Contains(all, v) {
				all = append(all, v)
			}
		}
	}
	return all
}

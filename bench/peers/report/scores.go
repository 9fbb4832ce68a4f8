// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/s3seal/s3seal/bench/peers/peer"
)

// ratio is what the command of that name prints, which is tables already.
func (j *job) ratio(ctx context.Context, out io.Writer) error {
	bin, err := j.build(ctx, "bench/ratio")
	if err != nil {
		return err
	}
	return j.run(ctx, out, nil, bin, pick(j, []string{"-short"}, []string{"-again"})...)
}

// transfer is what the command of that name prints, which is a table, too.
func (j *job) transfer(ctx context.Context, out io.Writer) error {
	if err := findMinIO(); err != nil {
		_, err := fmt.Fprintf(out, "note: %v\n", err)
		return err
	}
	bin, err := j.build(ctx, "bench/transfer")
	if err != nil {
		return err
	}
	return j.run(ctx, out, nil, bin, "-again", "-size", pick(j, "1", "256"))
}

// A score is one line of the commands ratio and transfer.
type score struct {
	title string // of the table that it is in
	name  string
	size  string
	text  string // what both sides reached
	ratio string
	bar   string // "" if there is none
}

// met reports whether the bar is reached. Both numbers have one digit before
// the point.
func (s score) met() bool { return s.bar == "" || s.ratio >= s.bar }

// cell is the ratio, emphasized if it should be more.
func (s score) cell() string {
	if !s.met() {
		return "**" + s.ratio + "**"
	}
	return s.ratio
}

// The lines of those commands: the name of a table and that of its columns, or
// a row. A ratio has three digits, of which the last says little.
var (
	scoreTitle = regexp.MustCompile(`^(.*?) +size .* bar$`)
	scoreLine  = regexp.MustCompile(`^(\S.*?) +(\d+) KiB +(\S.*?) +(\d\.\d\d)\d(?: +(\d\.\d\d))?(?: .*)?$`)
	scoreRates = regexp.MustCompile(`^(\d+) MiB/s +(\d+) MiB/s`)
)

// scores returns the lines of a part that are scores.
func scores(m *measured) []score {
	var all []score
	title := ""
	for line := range strings.Lines(m.text) {
		line = strings.TrimSpace(line)
		if t := scoreTitle.FindStringSubmatch(line); t != nil {
			title = t[1]
		} else if s := scoreLine.FindStringSubmatch(line); s != nil {
			kib, _ := strconv.ParseInt(s[2], 10, 64) // digits
			all = append(all, score{title: title, name: s[1], size: peer.SizeName(kib << 10), text: s[3], ratio: s[4], bar: s[5]})
		}
	}
	return all
}

// reached counts the scores that have a bar, and those of them that reach it.
func reached(parts ...*measured) (met, all int) {
	for _, m := range parts {
		for _, s := range scores(m) {
			if s.bar == "" {
				continue
			}
			all++
			if s.met() {
				met++
			}
		}
	}
	return met, all
}

// ratioTables are the scores that have a bar: a table of names and sizes for
// each title.
func ratioTables(m *measured) []*table {
	all := slices.DeleteFunc(scores(m), func(s score) bool { return s.bar == "" })
	var tables []*table
	for len(all) > 0 {
		end := slices.IndexFunc(all, func(s score) bool { return s.title != all[0].title })
		if end < 0 {
			end = len(all)
		}
		tables = append(tables, ratioTable(all[:end]))
		all = all[end:]
	}
	return tables
}

// ratioTable has the scores of one title.
func ratioTable(all []score) *table {
	var names, sizes []string
	for _, s := range all {
		names, sizes = with(names, s.name), with(sizes, s.size)
	}
	t := &table{head: append([]string{all[0].title, "bar"}, sizes...)}
	for _, name := range names {
		row := make([]string, 2+len(sizes))
		row[0] = name
		for _, s := range all {
			if s.name != name {
				continue
			}
			if !strings.Contains(row[1], s.bar) {
				row[1] = strings.TrimPrefix(row[1]+"; "+s.bar, "; ")
			}
			row[2+slices.Index(sizes, s.size)] = s.cell()
		}
		t.add(row...)
	}
	return t
}

// with is a set in the order in which things came.
func with(set []string, s string) []string {
	if slices.Contains(set, s) {
		return set
	}
	return append(set, s)
}

// transferTable is what puts and gets reach.
func transferTable(m *measured) *table {
	t := &table{head: []string{"", "minio-go, MiB/s", "s3seal, MiB/s", "ratio", "bar"}}
	for _, s := range scores(m) {
		if rates := scoreRates.FindStringSubmatch(s.text); rates != nil {
			t.add(s.name+", "+s.size, rates[1], rates[2], s.cell(), s.bar)
		}
	}
	return t
}

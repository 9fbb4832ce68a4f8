// SPDX-License-Identifier: Apache-2.0

// Package score prints comparisons and holds them to bars.
package score

import (
	"fmt"
	"io"
)

// tries is how often a row is measured that misses its bar.
const tries = 3

// A Table prints rows and keeps the score.
type Table struct {
	Out             io.Writer
	Again           bool // measure a row again that missed its bar
	Missed, Unclear int
}

// A Row is a comparison that gives one number.
type Row struct {
	Name    string
	Size    int     // bytes
	Bar     float64 // least ratio; 0 for none
	Real    bool    // it is about real time, and says nothing where there is a doubt
	Measure func() (Result, error)
}

// A Result is what was measured in one go, the ratio as the median of all
// rounds.
type Result struct {
	Ratio float64
	Doubt string // why a miss is not believed; empty if it is
	Text  string // the numbers behind the ratio
}

// Rows measures and prints all rows, unless there is an error.
func (t *Table) Rows(all []Row, err error) error {
	if err != nil {
		return err
	}
	for _, r := range all {
		got, err := t.best(r)
		if err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
		t.print(r, got)
	}
	return nil
}

// best measures the row, and again if that was a miss and it matters: a
// neighbour on the machine can spoil one try, a slow stream misses them all.
func (t *Table) best(r Row) (best Result, err error) {
	for i := range tries {
		got, err := r.Measure()
		if err != nil {
			return best, err
		}
		if i == 0 || got.better(best, r.Real) {
			best = got
		}
		if !t.Again || best.Ratio >= r.Bar && (!r.Real || best.Doubt == "") {
			break
		}
	}
	return best, nil
}

// better prefers the higher ratio, but where real time counts that of a try
// without a doubt.
func (a Result) better(b Result, real bool) bool {
	if sure := a.Doubt == ""; real && sure != (b.Doubt == "") {
		return sure
	}
	return a.Ratio > b.Ratio
}

func (t *Table) print(r Row, got Result) {
	bar := ""
	if r.Bar > 0 {
		bar = fmt.Sprintf("%6.2f", r.Bar)
	}
	switch {
	case got.Ratio >= r.Bar && !(got.Doubt != "" && r.Real):
	case got.Doubt != "":
		bar += "  inconclusive: " + got.Doubt
		t.Unclear++
	default:
		bar += "  MISSED"
		t.Missed++
	}
	fmt.Fprintf(t.Out, "%-34s %5d KiB %25s %6.3f %s\n", r.Name, r.Size>>10, got.Text, got.Ratio, bar)
}

// Code returns what the program name exits with, and says why if it is not 0: 1 if
// a bar was missed and 3 if a row was inconclusive.
func (t *Table) Code(w io.Writer, name string) int {
	if t.Missed+t.Unclear == 0 {
		return 0
	}
	fmt.Fprintf(w, "%s: %d bars missed, %d rows inconclusive\n", name, t.Missed, t.Unclear)
	if t.Missed > 0 {
		return 1
	}
	return 3
}

// SPDX-License-Identifier: Apache-2.0

// Command ratio measures how close the streams of this module come to the
// one-shot functions of crypto/cipher.
//
//	go run ./bench/ratio          # print the tables
//	go run ./bench/ratio -check   # and fail if a bar is missed
//
// Throughput on a shared machine says little. So both sides of a row take
// turns, each turn gives one quotient, and the row is the median of seven.
// With -check, a row that misses its bar is measured again, twice at most. If
// it still does, and the process did not get its cores meanwhile, the row is
// inconclusive. The exit code is 1 if a bar was missed and 3 if a row was
// inconclusive.
//
// # One core
//
// What counts is processor time. The source of a stream is like a file: each
// Read is a copy. The one-shot side has its input in place, so the stream pays
// for a pass over memory that the other side does not make; at 64 MiB that
// pass comes from outside the caches. Objects of 1 KiB are dominated by the key
// set-up, which both sides do for each of them.
//
// The formats that authenticate each chunk are compared with Seal and Open of
// such chunks, in a buffer that stays in the cache, and with package sio, which
// is the other implementation of DARE.
//
// # All cores
//
// What counts is real time. The bar is set by what the machine can do: by how
// much faster one-shot calls on all cores at once are, each with memory of its
// own, than those on one. The row is the same quotient for the stream, divided
// by that.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
)

func main() {
	check := flag.Bool("check", false, "exit with 1 if a bar is missed, with 3 if a row is inconclusive")
	flag.Parse()
	t := &table{out: os.Stdout, again: *check}
	if err := t.run(runtime.GOMAXPROCS(0)); err != nil {
		fmt.Fprintln(os.Stderr, "ratio:", err)
		os.Exit(1)
	}
	if *check && t.missed+t.unclear > 0 {
		fmt.Fprintf(os.Stderr, "ratio: %d bars missed, %d rows inconclusive\n", t.missed, t.unclear)
		if t.missed > 0 {
			os.Exit(1)
		}
		os.Exit(3)
	}
}

// A table prints rows and keeps the score.
type table struct {
	out             io.Writer
	again           bool // measure a row again that missed its bar
	missed, unclear int
}

// A row is a comparison that gives one number.
type row struct {
	name    string
	size    int
	bar     float64 // least ratio; 0 for none
	real    bool    // it is about real time, and says nothing without the cores
	measure func() (result, error)
}

// A result is what was measured in one go, the ratio as the median of all
// rounds.
type result struct {
	ratio float64
	share float64 // of the cores that the process got
	text  string  // the numbers behind the ratio
}

func (t *table) run(cores int) error {
	fmt.Fprintf(t.out, "%-34s %9s %25s %6s %6s\n", "one core", "size", "one-shot       stream", "ratio", "bar")
	for _, size := range []int{1 << 10, 64 << 10, 1 << 20, 64 << 20} {
		if err := t.rows(oneCore(size)); err != nil {
			return err
		}
	}
	for _, size := range []int{1 << 20, 64 << 20} {
		if err := t.rows(chunkedOneCore(size)); err != nil {
			return err
		}
	}
	if err := t.allocations(); err != nil {
		return err
	}
	if cores == 1 {
		fmt.Fprintln(t.out, "there is one core only: nothing to say about all of them")
		return nil
	}
	fmt.Fprintf(t.out, "%-34s %9s %25s %6s %6s\n", fmt.Sprintf("%d cores", cores), "size", "one-shot       stream", "ratio", "bar")
	if err := t.rows(allCores(cores)); err != nil {
		return err
	}
	return t.rows(chunkedAllCores(cores))
}

func (t *table) rows(all []row, err error) error {
	if err != nil {
		return err
	}
	for _, r := range all {
		got, err := t.best(r)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		t.print(r, got)
	}
	return nil
}

// best measures the row, and again if that was a miss and it matters: a
// neighbour on the machine can spoil one try, a slow stream misses them all.
func (t *table) best(r row) (best result, err error) {
	for range tries {
		got, err := r.measure()
		if err != nil {
			return best, err
		}
		if got.better(best, r.real) {
			best = got
		}
		if !t.again || best.ratio >= r.bar && (!r.real || best.share >= enough) {
			break
		}
	}
	return best, nil
}

// better prefers the higher ratio, but where real time counts that of a try
// that had the cores.
func (a result) better(b result, real bool) bool {
	if real && (a.share >= enough) != (b.share >= enough) {
		return a.share >= enough
	}
	return a.ratio > b.ratio
}

func (t *table) print(r row, got result) {
	bar := ""
	if r.bar > 0 {
		bar = fmt.Sprintf("%6.2f", r.bar)
	}
	lacking := got.share < enough
	switch {
	case got.ratio >= r.bar && !(lacking && r.real):
	case lacking:
		bar += fmt.Sprintf("  inconclusive: got %.0f %% of the cores", 100*got.share)
		t.unclear++
	default:
		bar += "  MISSED"
		t.missed++
	}
	fmt.Fprintf(t.out, "%-34s %5d KiB %25s %6.3f %s\n", r.name, r.size>>10, got.text, got.ratio, bar)
}

// allocations prints how often a running writer allocates.
func (t *table) allocations() error {
	n, err := writeAllocations()
	if err != nil {
		return err
	}
	fmt.Fprintf(t.out, "allocations per Write of 1 MiB in steady state: %g (bar 0)\n", n)
	if n != 0 {
		t.missed++
	}
	return nil
}

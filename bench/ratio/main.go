// SPDX-License-Identifier: Apache-2.0

// Command ratio measures how close the streams of this module come to the
// one-shot functions of crypto/cipher.
//
//	go run ./bench/ratio          # print the tables
//	go run ./bench/ratio -check   # and fail if a bar is missed
//	go run ./bench/ratio -short   # objects of 1 KiB only: seconds, not minutes
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
	"os"
	"runtime"

	"github.com/s3seal/s3seal/bench/internal/score"
)

func main() {
	check := flag.Bool("check", false, "exit with 1 if a bar is missed, with 3 if a row is inconclusive")
	short := flag.Bool("short", false, "only the rows that take seconds")
	again := flag.Bool("again", false, "measure a row that misses its bar again, as with -check")
	flag.Parse()
	t := &table{score.Table{Out: os.Stdout, Again: *check || *again}}
	if err := t.run(runtime.GOMAXPROCS(0), *short); err != nil {
		fmt.Fprintln(os.Stderr, "ratio:", err)
		os.Exit(1)
	}
	if *check {
		os.Exit(t.Code(os.Stderr, "ratio"))
	}
}

type table struct{ score.Table }

func (t *table) run(cores int, short bool) error {
	fmt.Fprintf(t.Out, "%-34s %9s %25s %6s %6s\n", "one core", "size", "one-shot       stream", "ratio", "bar")
	if short {
		return t.Rows(oneCore(1 << 10))
	}
	for _, size := range []int{1 << 10, 64 << 10, 1 << 20, 64 << 20} {
		if err := t.Rows(oneCore(size)); err != nil {
			return err
		}
	}
	for _, size := range []int{1 << 20, 64 << 20} {
		if err := t.Rows(chunkedOneCore(size)); err != nil {
			return err
		}
	}
	if err := t.allocations(); err != nil {
		return err
	}
	if cores == 1 {
		fmt.Fprintln(t.Out, "there is one core only: nothing to say about all of them")
		return nil
	}
	fmt.Fprintf(t.Out, "%-34s %9s %25s %6s %6s\n", fmt.Sprintf("%d cores", cores), "size", "one-shot       stream", "ratio", "bar")
	if err := t.Rows(allCores(cores)); err != nil {
		return err
	}
	return t.Rows(chunkedAllCores(cores))
}

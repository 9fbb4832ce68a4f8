// SPDX-License-Identifier: Apache-2.0

// Command coverage fails if tests run through too few statements.
//
//	go test -coverprofile=core -coverpkg=./stream/...,./wrap/... ./stream/... ./wrap/...
//	go run ./fuzz/coverage -profile core stream/...=95 wrap/...=95
//
// An argument is a package, or with "/..." all below it as well, and the least
// percentage. Of several profiles a statement counts as run if it is in any of
// them. Exit code 1 is for too little, 2 for profiles that say nothing about a
// package that was asked for.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"
)

const module = "github.com/s3seal/s3seal/"

var errTooLittle = errors.New("too little is covered")

func main() {
	err := run(os.Args[1:], os.Stdout)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return
	}
	fmt.Fprintln(os.Stderr, "coverage:", err)
	if errors.Is(err, errTooLittle) {
		os.Exit(1)
	}
	os.Exit(2)
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("coverage", flag.ContinueOnError)
	blocks := make(map[block]bool)
	flags.Func("profile", "read `file`; may be given more than once", func(name string) error { return readFile(blocks, name) })
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("want packages and percentages, as in stream/...=95")
	}
	var failed error
	for _, arg := range flags.Args() {
		err := check(blocks, arg, out)
		if err != nil && !errors.Is(err, errTooLittle) {
			return err
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// check compares one package with what is wanted of it.
func check(blocks map[block]bool, arg string, out io.Writer) error {
	pkg, text, _ := strings.Cut(arg, "=")
	want, err := strconv.ParseFloat(text, 64)
	if err != nil || !(want > 0 && want <= 100) {
		return fmt.Errorf("%s: want PACKAGE=PERCENT", arg)
	}
	total, ran := 0, 0
	for b, hit := range blocks {
		if !within(path.Dir(b.file), pkg) {
			continue
		}
		total += b.statements
		if hit {
			ran += b.statements
		}
	}
	if total == 0 {
		return fmt.Errorf("%s: no statement in any profile", pkg)
	}
	fmt.Fprintf(out, "%-16s %6.2f %% of %d statements, want %v %%\n", pkg, 100*float64(ran)/float64(total), total, want)
	if 100*float64(ran) < want*float64(total) {
		return fmt.Errorf("%w: %s", errTooLittle, pkg)
	}
	return nil
}

// within reports whether a package is the one that is named, or below it.
func within(pkg, pattern string) bool {
	root, below := strings.CutSuffix(pattern, "/...")
	return pkg == root || below && strings.HasPrefix(pkg, root+"/")
}

// A block is a line of a profile: a stretch of code that runs as one.
type block struct {
	file       string // below the root of the module
	place      string
	statements int
}

func readFile(blocks map[block]bool, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := read(blocks, f); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// read adds a profile. There is a line for each test binary that has the block.
func read(blocks map[block]bool, r io.Reader) error {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "mode: ") {
			continue
		}
		b, hit, err := parse(line)
		if err != nil {
			return err
		}
		blocks[b] = blocks[b] || hit
	}
	return lines.Err()
}

// parse reads "FILE:LINE.COLUMN,LINE.COLUMN STATEMENTS COUNT".
func parse(line string) (b block, hit bool, err error) {
	fields := strings.Fields(line)
	if len(fields) != 3 {
		return b, false, fmt.Errorf("want three fields, got %q", line)
	}
	file, place, found := strings.Cut(strings.TrimPrefix(fields[0], module), ":")
	statements, err1 := strconv.Atoi(fields[1])
	count, err2 := strconv.ParseUint(fields[2], 10, 64)
	if !found || err1 != nil || err2 != nil || statements < 0 {
		return b, false, fmt.Errorf("not a line of a profile: %q", line)
	}
	return block{file, place, statements}, count > 0, nil
}

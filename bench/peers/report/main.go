// SPDX-License-Identifier: Apache-2.0

// Command report measures everything and writes what came out: RESULTS.md,
// charts, and the lines that both are made of, in the format of go test -bench,
// so that benchstat reads them too. From the root of the repository:
//
//	go run -C bench/peers ./report                  # all, in 12 minutes on an idle machine
//	go run -C bench/peers ./report -only openssl    # this anew, the rest from its lines
//	go run -C bench/peers ./report -only none       # nothing anew
//	go run -C bench/peers ./report -quick -out DIR  # a few seconds, of no value but to try it
//
// Nothing is written by hand: a figure in RESULTS.md, and between the marks in
// the README of the repository, is the median of lines in results/*.txt.
//
// MinIO is the one at S3SEAL_TEST_MINIO_ENDPOINT, or in PATH, or that which
// .ci/run has built. Where MinIO, Ruby or OpenSSL are not there, their rows are
// not there either, and RESULTS.md says so. Other work on the machine spoils the
// figures; the load at the start is in RESULTS.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	quick := flag.Bool("quick", false, "small and few: for trying the command itself")
	only := flag.String("only", "", "parts to measure, with commas between, or none: "+strings.Join(partNames(), ", "))
	out := flag.String("out", "", "folder for RESULTS.md and results; bench if empty, and the README beside it is brought up to date")
	flag.Parse()
	if err := run(ctx, os.Stderr, *quick, *only, *out); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, log io.Writer, quick bool, only, out string) error {
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	readme := ""
	if out == "" {
		out, readme = filepath.Join(root, "bench"), filepath.Join(root, "README.md")
	}
	todo, err := parts(only)
	if err != nil {
		return err
	}
	if err := measure(ctx, log, &job{root: root, quick: quick}, todo, filepath.Join(out, "results")); err != nil {
		return err
	}
	return publish(out, readme)
}

// measure writes the lines of each part into a file of its own.
func measure(ctx context.Context, log io.Writer, j *job, todo []part, dir string) (err error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	if j.tmp, err = os.MkdirTemp("", "s3seal-report-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(j.tmp)) }()
	for i, p := range todo {
		fmt.Fprintf(log, "== %s (%d of %d)\n", p.name, i+1, len(todo))
		var lines strings.Builder
		out := io.MultiWriter(&lines, log)
		if err := j.header(ctx, out); err != nil {
			return err
		}
		if err := p.measure(j, ctx, out); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, p.name+".txt"), []byte(lines.String()), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// A part is measured by itself.
type part struct {
	name    string
	measure func(j *job, ctx context.Context, out io.Writer) error
}

func allParts() []part {
	return []part{
		{"streams", (*job).streams},
		{"scaling", (*job).scaling},
		{"ratio", (*job).ratio},
		{"openssl", (*job).openssl},
		{"peers", (*job).peers},
		{"memory", (*job).memory},
		{"endtoend", (*job).endToEnd},
		{"transfer", (*job).transfer},
	}
}

func partNames() []string {
	var names []string
	for _, p := range allParts() {
		names = append(names, p.name)
	}
	return names
}

// parts returns those that are named, or all.
func parts(only string) ([]part, error) {
	all := allParts()
	switch only {
	case "":
		return all, nil
	case "none":
		return nil, nil
	}
	names := strings.Split(only, ",")
	for _, name := range names {
		if !slices.Contains(partNames(), name) {
			return nil, fmt.Errorf("no part %q, want some of %s", name, strings.Join(partNames(), ", "))
		}
	}
	return slices.DeleteFunc(all, func(p part) bool { return !slices.Contains(names, p.name) }), nil
}

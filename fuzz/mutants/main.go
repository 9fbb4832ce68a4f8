// SPDX-License-Identifier: Apache-2.0

// Command mutants asks whether the tests bite. It puts deliberate bugs into the
// code, one at a time, runs the tests of the packages concerned, and tells which
// bugs they have let through.
//
//	go run ./fuzz/mutants                 all of them
//	go run ./fuzz/mutants -sample 8       some, other ones with each commit
//	go run ./fuzz/mutants -run gcm-tag    those whose name matches
//	go run ./fuzz/mutants -log FILE       note results there, and leave out what FILE has
//
// First the tests of a package must pass without a bug. They have five times as
// long with one; a bug with which they do not end by then is counted by itself.
//
// The code itself is not touched: a bug is an overlay of one file, for one run of
// go test. It must be run in a checkout, at the root of the module.
//
// It fails, with exit code 1, if fewer than 95 % of the bugs were found, or if one
// that touches authentication was not, unless its entry says why no test can find
// it. Exit code 2 is for a bug that cannot be applied any more or does not compile:
// the list has to follow the code.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strings"
	"time"
)

const (
	exitSurvivors = 1
	exitInvalid   = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return
	case errors.Is(err, errSurvivors):
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(exitSurvivors)
	}
	fmt.Fprintln(os.Stderr, "mutants:", err)
	os.Exit(exitInvalid)
}

// errSurvivors says that the tests have let through too much.
var errSurvivors = errors.New("tests do not bite enough")

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("mutants", flag.ContinueOnError)
	pattern := flags.String("run", "", "only mutants whose name matches `regexp`")
	sample := flags.Int("sample", 0, "only `n` mutants, chosen by the commit")
	log := flags.String("log", "", "append results to `file`, and leave out those that it has of this commit")
	limit := flags.Duration("timeout", 20*time.Minute, "of the tests of a package without a bug")
	if err := flags.Parse(args); err != nil {
		return err
	}
	match, err := regexp.Compile(*pattern)
	if err != nil {
		return err
	}
	commit := head(ctx)
	chosen := pick(mutants, match, *sample, commit)
	done, err := readLog(*log, commit)
	if err != nil {
		return err
	}
	r := runner{out: out, log: *log, commit: commit, limit: *limit}
	for _, m := range chosen {
		if o, ok := done[m.name]; ok {
			r.count(m, o)
			continue
		}
		if err := r.try(ctx, m); err != nil {
			return err
		}
	}
	return r.verdict()
}

// head names the commit that is checked out, for the log and the choice of a
// sample only.
func head(ctx context.Context) string {
	b, err := exec.CommandContext(ctx, "git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(b))
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

// A finding is what the tests of a package say to a mutant.
type finding struct {
	found bool
	by    string // the test that has failed first, or what happened instead
	hung  bool   // no test has failed: they did not end
	says  string // the end of what was printed, where tests have failed
}

// A package whose tests take d without a bug has slack*d with one, and least.
const (
	slack = 5
	least = time.Minute
)

// limitOf runs the tests of a package without any bug, once in a run, and returns
// how long they may take with one. Where they fail, or do not end, nothing that
// they say means anything.
func (r *runner) limitOf(ctx context.Context, pkg string) (time.Duration, error) {
	if limit, ok := r.limits[pkg]; ok {
		return limit, nil
	}
	start := time.Now()
	got, err := r.goTest(ctx, pkg, r.limit)
	if err != nil {
		return 0, err
	}
	if got.found {
		return 0, fmt.Errorf("%s fails without a bug: %s\n%s", pkg, got.by, got.says)
	}
	limit := max(least, slack*time.Since(start))
	if r.limits == nil {
		r.limits = make(map[string]time.Duration)
	}
	r.limits[pkg] = limit
	return limit, nil
}

// failure is the line of a test that has failed, of the first if there are more.
var failure = regexp.MustCompile(`(?m)^ *--- FAIL: (\S+)`)

// goTest runs the tests of one package. A mutant that does not compile is an
// error, and so is a go command that says something unheard of.
func (r *runner) goTest(ctx context.Context, pkg string, limit time.Duration, args ...string) (finding, error) {
	ctx, cancel := context.WithTimeout(ctx, limit+2*time.Minute) // to compile them
	defer cancel()
	args = append([]string{"test", "-vet=off", "-failfast", "-count=1", "-timeout", limit.String()}, args...)
	out, err := exec.CommandContext(ctx, "go", append(args, "./"+pkg)...).CombinedOutput()
	if err == nil {
		return finding{}, nil
	}
	if ctx.Err() != nil {
		return finding{}, fmt.Errorf("%s: %w", pkg, ctx.Err())
	}
	got, err := judge(string(out))
	got.says = string(out[max(0, len(out)-4000):])
	return got, err
}

// judge finds out from the output of go test why it has failed. The message of a
// test that panics comes before, and instead of, that it fails.
func judge(out string) (finding, error) {
	switch {
	case strings.Contains(out, "[build failed]"), strings.Contains(out, "[setup failed]"):
		return finding{}, fmt.Errorf("does not compile:\n%s", out)
	case strings.Contains(out, "panic: test timed out after"):
		return finding{found: true, by: "it does not end", hung: true}, nil
	}
	if m := failure.FindStringSubmatch(out); m != nil {
		return finding{found: true, by: m[1]}, nil
	}
	for _, crash := range []string{"panic: ", "fatal error: ", "goleak: "} {
		if i := strings.Index(out, crash); i >= 0 {
			line, _, _ := strings.Cut(out[i:], "\n")
			return finding{found: true, by: line}, nil
		}
	}
	return finding{}, fmt.Errorf("go test fails, but no test does:\n%s", out)
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
)

// doctorCmd checks what the other commands need.
type doctorCmd struct {
	Key   []text `group:"Key:" short:"k" sep:"none" placeholder:"KEY" help:"Also check this key: its file, who can read it, whether what it seals opens again, and whether it is the one of the object at ADDRESS; of a KMS, whether it answers. May be repeated."`
	Write bool   `help:"Also try what needs to write: small objects with new names under the address, which are removed again."`
	JSON  bool   `name:"json" help:"Print one JSON object with stable names."`
	storageFlags
	Address text `arg:"" optional:"" help:"Where to look: s3://BUCKET, s3://BUCKET/PREFIX/, mc:ALIAS/BUCKET, dir:ROOT, dir:ROOT//PREFIX/ or an object. Without it, the server and the credentials only."`
}

// Help implements kong.HelpProvider.
func (doctorCmd) Help() string {
	return `One line for each check: ok, warn, fail or skip, what was found, and what to do about it. It ends with 1 if
something failed. Nothing is changed without --write. Secrets are not shown.

Example:

    s3seal doctor
    s3seal doctor -k aes:vault.key s3://bucket/dump.gz
    s3seal doctor --write s3://bucket/backup/`
}

// What a check can come to.
const (
	checkOK   = "ok"
	checkWarn = "warn"
	checkFail = "fail"
	checkSkip = "skip"
)

// A finding is what a check came to. The JSON names are relied upon.
type finding struct {
	Check  string `json:"check"`
	Result string `json:"result"`
	Text   string `json:"text"`
	Advice string `json:"advice,omitempty"`
}

// A checkup collects findings.
type checkup struct {
	*app
	Findings []finding `json:"checks"`

	tell func(text string) // what cannot wait for the end; may be called concurrently
}

func (c *checkup) add(check, result, text, advice string) {
	c.Findings = append(c.Findings, finding{check, result, text, advice})
}

func (c *checkup) ok(check, format string, args ...any) {
	c.add(check, checkOK, fmt.Sprintf(format, args...), "")
}

func (c *checkup) skip(check, format string, args ...any) {
	c.add(check, checkSkip, fmt.Sprintf(format, args...), "")
}

// failed says whether the last check did.
func (c *checkup) failed() bool {
	return len(c.Findings) > 0 && c.Findings[len(c.Findings)-1].Result == checkFail
}

// An illness is the error of a checkup that found something.
type illness struct{ failed, all int }

func (e *illness) Error() string {
	return fmt.Sprintf("%d of %d checks failed", e.failed, e.all)
}

// Run checks.
func (c *doctorCmd) Run(ctx context.Context, a *app) error {
	var at address
	var err error
	if c.Address != "" {
		if at, err = parsePrefix(string(c.Address)); err != nil {
			return err
		}
	}
	specs, err := parseKeySpecs(c.Key)
	if err != nil {
		return err
	}
	if c.Write && c.Address == "" {
		return usagef("--write: want an ADDRESS under which it may write")
	}
	// What they warn of is among the findings.
	silent := *a
	silent.stderr = io.Discard
	all := &checkup{app: &silent, Findings: []finding{}, tell: a.teller()}
	for _, spec := range specs {
		c.checkKey(ctx, all, at, spec)
	}
	if at.root == "" {
		c.checkServer(ctx, all, at)
	} else {
		c.checkFolder(ctx, all, at)
	}
	c.checkObject(ctx, all, at)
	if err := ctx.Err(); err != nil {
		return err
	}
	return c.print(a, all)
}

// teller returns a warn that may be called concurrently.
func (a *app) teller() func(text string) {
	var mu sync.Mutex
	return func(text string) {
		mu.Lock()
		defer mu.Unlock()
		a.warn("%s", text)
	}
}

// print prints the findings and returns the error that they are.
func (c *doctorCmd) print(a *app, all *checkup) error {
	sick := &illness{all: len(all.Findings)}
	for _, f := range all.Findings {
		if f.Result == checkFail {
			sick.failed++
		}
		if c.JSON {
			continue
		}
		line := fmt.Sprintf("%-4s  %-12s  %s", f.Result, f.Check, f.Text)
		if f.Advice != "" {
			line = strings.TrimSuffix(line, ".") + ": " + f.Advice
		}
		if _, err := fmt.Fprintln(a.stdout, printable(line)); err != nil {
			return fmt.Errorf("write stdout: %w", err)
		}
	}
	if c.JSON {
		if err := a.printJSON(all); err != nil {
			return err
		}
	}
	if sick.failed > 0 {
		return sick
	}
	return nil
}

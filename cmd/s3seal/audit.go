// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/bulk"
	"github.com/s3seal/s3seal/envelope"
)

// auditCmd says what objects are.
type auditCmd struct {
	JSON        bool `name:"json" help:"Print the report as one JSON object with stable names."`
	CSV         bool `name:"csv" help:"Print the report as CSV."`
	Objects     bool `help:"Instead of a report, print what is known of each object as JSON, one line each, in no order."`
	MaxRows     int  `default:"1000" placeholder:"N" help:"How many rows the report has at most; what is left is counted as others. Default 1000."`
	Examples    int  `default:"10" placeholder:"N" help:"How many examples a finding has at most; default 10."`
	bulkFlags   `group:"Many objects:"`
	suffixFlags `group:"Storage:"`
	storageFlags
	Prefix text `arg:"" help:"Where: s3://BUCKET, s3://BUCKET/PREFIX, dir:ROOT or dir:ROOT//PREFIX."`
}

// Help implements kong.HelpProvider.
func (auditCmd) Help() string {
	return `For objects that are alike there is one row: their format, wrap, the keys that they want, and whether --accept
v3, v2 and legacy would let them in; NEEDS is what to type for that. Then come findings: mixed or spoofed envelopes, instruction files without
object or objects without theirs, objects that are not encrypted. It takes one request for each object, or a
few. It all comes from metadata, which nothing authenticates; s3seal verify reads the objects. The exit code
is 7 if there were objects that the storage did not describe.

Example:

    s3seal audit s3://bucket
    s3seal audit --json --manifest inventory.csv.gz s3://bucket/backup/ >report.json
    s3seal audit --objects dir:./vault | jq -r 'select(.kind == "plaintext").key'`
}

// Run audits.
func (c *auditCmd) Run(ctx context.Context, a *app) error {
	at, err := parsePrefix(string(c.Prefix))
	if err != nil {
		return err
	}
	opts, err := c.options()
	if err != nil {
		return err
	}
	st, err := c.openStorage(a, at, false)
	if err != nil {
		return err
	}
	defer st.Close()
	bucket := backend.NewBucket(st.driver, nil, nil, &backend.Options{
		Open: envelope.OpenOptions{ExtraSuites: extraSuites()}, InstructionSuffix: c.suffix(),
	})
	s, err := c.selectFrom(ctx, a, bucket, at, false)
	if err != nil {
		return err
	}
	defer s.close()
	return c.audit(ctx, a, at, bucket, s, opts)
}

// options translates the flags.
func (c *auditCmd) options() (*bulk.AuditOptions, error) {
	if c.JSON && c.CSV || c.Objects && (c.JSON || c.CSV) {
		return nil, usagef("--json, --csv and --objects: want one of them")
	}
	if c.MaxRows < 1 || c.Examples < 1 {
		return nil, usagef("--max-rows and --examples: want 1 or more")
	}
	common, err := c.bulkFlags.options()
	return &bulk.AuditOptions{Options: common, InstructionSuffix: c.suffix(), MaxRows: c.MaxRows, Examples: c.Examples}, err
}

func (c *auditCmd) audit(ctx context.Context, a *app, at address, bucket *backend.Bucket, s *selection, opts *bulk.AuditOptions) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watch := &jobWatch{app: a, at: at}
	opts.OnResult = watch.result
	if !a.quiet && isTerminal(a.stderr) {
		opts.Progress, opts.Total = watch.progress, s.total(opts.Shard)
	}
	out := bufio.NewWriter(a.stdout)
	lines := &app{stdout: out}
	var lost error
	if c.Objects {
		opts.OnObject = func(o *bulk.AuditObject) {
			if lost == nil {
				if lost = lines.printJSONLine(o); lost != nil {
					cancel() // nobody reads on
				}
			}
		}
	}
	report, err := bulk.Audit(ctx, bucket, s.objects, opts)
	watch.end()
	if err = firstOf(lost, at.about(err)); err == nil {
		err = c.print(lines, report)
	}
	if ferr := out.Flush(); ferr != nil && err == nil {
		err = fmt.Errorf("write stdout: %w", ferr)
	}
	if err == nil && watch.failed > 0 {
		err = at.about(&partlyError{int64(watch.failed), report.Total.Objects})
	}
	return firstOf(err, s.empty())
}

// print prints the report in the form that was asked for.
func (c *auditCmd) print(a *app, r *bulk.Report) error {
	switch {
	case c.Objects:
		return nil
	case c.JSON:
		return a.printJSON(r)
	case c.CSV:
		return r.WriteCSV(a.stdout)
	}
	return r.WriteTableFunc(a.stdout, neededFlags)
}

// neededFlags are the flags of a reader that set these fields of OpenOptions. Of
// those that the program always sets it says nothing.
func neededFlags(options []string) string {
	var need envelope.OpenOptions
	for _, option := range options {
		switch option {
		case "AllowUncommitted":
			need.AllowUncommitted = true
		case "AllowLegacyWraps":
			need.AllowLegacyWraps = true
		case "AllowLegacyCBC":
			need.AllowLegacyCBC = true
		case "AllowUnauthenticatedCTR":
			need.AllowUnauthenticatedCTR = true
		case "AllowPlaintext":
			return flagPlaintext // of an object without an envelope, which takes no more
		}
	}
	level, extra := acceptFor(need)
	if level != acceptV3 {
		extra = append([]string{"--accept " + level}, extra...)
	}
	return strings.Join(extra, " ")
}

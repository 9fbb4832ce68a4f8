// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/dir"
)

// abortStaleCmd lists uploads that nobody goes on with, and aborts them.
type abortStaleCmd struct {
	State      []text `sep:"none" placeholder:"FILE" help:"State file of put --resume, or a folder with some: the uploads they name; may be repeated."`
	AllUploads bool   `help:"All uploads that the storage lists, also those of other programs and machines, which may be under way."`
	OlderThan  age    `default:"24h" placeholder:"TIME" help:"Only uploads that were begun so long ago, such as 90m or 7d; default 24h."`
	Abort      bool   `help:"Abort them. Without it they are listed."`
	JSON       bool   `name:"json" help:"Print each upload as JSON with stable names, one line each."`
	storageFlags
	Prefix text `arg:"" help:"Where: s3://BUCKET, s3://BUCKET/PREFIX, dir:ROOT or dir:ROOT//PREFIX."`
}

// Help implements kong.HelpProvider.
func (abortStaleCmd) Help() string {
	return `An upload that is interrupted and not resumed takes up space, and on S3 costs money, and no list of objects
shows it. Uploads of a put that is running, and of which a --state file tells, stay. A file whose upload was
aborted is removed. Some servers list an upload for its whole key only. With --all-uploads --abort and the
whole of a folder, dir:ROOT, what else killed puts have left there is removed, too. Other commands
leave alone what is not theirs.

Example:

    s3seal abort-stale --state . s3://bucket
    s3seal abort-stale --state . --abort s3://bucket
    s3seal abort-stale --all-uploads --older-than 168h --abort s3://bucket/backup/`
}

// Run lists or aborts.
func (c *abortStaleCmd) Run(ctx context.Context, a *app) error {
	if len(c.State) == 0 && !c.AllUploads {
		return usagef("want uploads to look for: --state FILE, a folder with such files, or --all-uploads")
	}
	if c.OlderThan < 0 {
		return usagef("--older-than %v: want 0s or more", time.Duration(c.OlderThan))
	}
	at, err := parsePrefix(string(c.Prefix))
	if err != nil {
		return err
	}
	st, err := c.openStorage(a, at, false)
	if err != nil {
		return err
	}
	defer st.Close()
	opts := &backend.StaleOptions{AllUploads: c.AllUploads, Abort: c.Abort}
	for _, s := range c.State {
		opts.States = append(opts.States, string(s))
	}
	bucket := backend.NewBucket(st.driver, nil, nil, &backend.Options{Name: at.bucket})
	found, err := bucket.AbortStale(ctx, at.key, time.Duration(c.OlderThan), opts)
	if err == nil && c.Abort && c.AllUploads {
		err = c.sweep(at)
	}
	for _, u := range found {
		if perr := c.print(a, u); perr != nil {
			return firstOf(at.about(err), perr)
		}
	}
	if err == nil && len(found) == 0 && !a.quiet {
		a.warn("%s: %s", at.text, c.nothing(ctx, bucket, at, *opts))
	}
	return at.about(err)
}

// nothing says why there were no uploads: mostly, because they are too young.
func (c *abortStaleCmd) nothing(ctx context.Context, bucket *backend.Bucket, at address, opts backend.StaleOptions) string {
	opts.Abort = false
	young, err := bucket.AbortStale(ctx, at.key, 0, &opts)
	does := "lists %s, too"
	if c.Abort {
		does = "gives %s up, too"
	}
	switch {
	case err != nil || len(young) == 0:
		return "no such uploads"
	case len(young) == 1:
		return fmt.Sprintf("1 upload is younger than %v and was left: --older-than 0s "+does, c.OlderThan, "it")
	}
	return fmt.Sprintf("%d uploads are younger than %v and were left: --older-than 0s "+does, len(young), c.OlderThan, "them")
}

// sweep removes what else killed puts have left in a folder. It knows no keys, so
// it is for all of them or none.
func (c *abortStaleCmd) sweep(at address) error {
	if at.isS3() || at.key != "" {
		return nil
	}
	d, err := dir.New(at.root, &dir.Options{MustExist: true, SweepAge: max(time.Duration(c.OlderThan), 1)})
	if err != nil {
		return err
	}
	return d.Close()
}

// An age is a duration that may be in days.
type age time.Duration

// Decode implements kong.MapperValue.
func (d *age) Decode(ctx *kong.DecodeContext) error {
	var t text
	if err := t.Decode(ctx); err != nil {
		return err
	}
	given, unit := string(t), time.Duration(1)
	if days, ok := strings.CutSuffix(given, "d"); ok {
		given, unit = days+"h", 24
	}
	v, err := time.ParseDuration(given)
	if err != nil || v > math.MaxInt64/unit || v < math.MinInt64/unit {
		return fmt.Errorf("%q is no time: want one such as 90m, 24h or 7d", string(t))
	}
	*d = age(v * unit)
	return nil
}

// String returns it without parts that are zero.
func (d age) String() string {
	s := time.Duration(d).String()
	if rest, ok := strings.CutSuffix(s, "m0s"); ok {
		s = rest + "m"
	}
	if rest, ok := strings.CutSuffix(s, "h0m"); ok {
		s = rest + "h"
	}
	return s
}

// A staleReport is what abort-stale prints of an upload. The JSON names are relied
// upon.
type staleReport struct {
	Key       string     `json:"key"`
	ID        string     `json:"id"`
	Initiated *time.Time `json:"initiated,omitempty"`
	Aborted   bool       `json:"aborted"`
}

// print prints a line, also when it is quiet: this is data.
func (c *abortStaleCmd) print(a *app, u backend.StaleUpload) error {
	if c.JSON {
		r := &staleReport{Key: u.Key, ID: u.ID, Aborted: u.Aborted}
		if !u.Initiated.IsZero() {
			r.Initiated = &u.Initiated
		}
		return a.printJSONLine(r)
	}
	what, begun := "stale", "-"
	if u.Aborted {
		what = "aborted"
	}
	if !u.Initiated.IsZero() {
		begun = u.Initiated.UTC().Format(time.RFC3339)
	}
	_, err := fmt.Fprintf(a.stdout, "%s  %s  %s  %s\n", what, begun, printable(u.Key), printable(u.ID))
	if err != nil {
		return fmt.Errorf("write stdout: %w", err)
	}
	return nil
}

// parsePrefix reads what parseAddress reads, and what lacks a key.
func parsePrefix(s string) (address, error) {
	alias, rest, ok := cutS3(s)
	if bucket, key, _ := strings.Cut(rest, "/"); ok && bucket != "" {
		return address{text: s, alias: alias, bucket: bucket, key: key}, nil
	}
	rest, ok = strings.CutPrefix(s, dirScheme)
	if root, key, _ := strings.Cut(rest, "//"); ok && root != "" {
		return address{text: s, root: root, key: key}, nil
	}
	return address{}, usagef("%q: want s3://BUCKET, s3://BUCKET/PREFIX, dir:ROOT or dir:ROOT//PREFIX", s)
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
)

// lsCmd lists objects.
type lsCmd struct {
	Long        bool `short:"l" help:"Also the stored size, the time of the last change and the storage class."`
	Sizes       bool `help:"Also the size of the plaintext, where it can be known; takes a request for each object."`
	JSON        bool `name:"json" help:"Print each object as JSON with stable names, one line each."`
	Workers     int  `default:"8" placeholder:"N" help:"With --sizes, how many objects are asked for at a time; default 8."`
	suffixFlags `group:"Storage:"`
	storageFlags
	Prefix text `arg:"" help:"Where: s3://BUCKET, s3://BUCKET/PREFIX, dir:ROOT or dir:ROOT//PREFIX."`
}

// Help implements kong.HelpProvider.
func (lsCmd) Help() string {
	return `All objects whose keys begin so, in the order of their keys, without any key: sealed ones, others, and files
that belong to them. The size of a plaintext comes from the metadata, which nothing authenticates. Where only
bounds are known, as in CBC, both are there: 0-15.

Example:

    s3seal ls s3://bucket
    s3seal ls -l --sizes s3://bucket/backup/
    s3seal ls --json dir:./vault`
}

// A lsEntry is a line of ls. The JSON names are relied upon.
type lsEntry struct {
	Key          string     `json:"key"`
	StoredSize   int64      `json:"stored_size"`
	Encrypted    *bool      `json:"encrypted,omitempty"` // with --sizes, if known, as all sizes of the plaintext
	PlaintextMin *int64     `json:"plaintext_size_min,omitempty"`
	PlaintextMax *int64     `json:"plaintext_size_max,omitempty"`
	ETag         string     `json:"etag"`
	Modified     *time.Time `json:"modified,omitempty"`
	StorageClass string     `json:"storage_class,omitempty"`
	Error        string     `json:"error,omitempty"`

	gone bool  // deleted meanwhile
	err  error // that Error tells of
}

// Run lists.
func (c *lsCmd) Run(ctx context.Context, a *app) error {
	at, err := parsePrefix(string(c.Prefix))
	if err != nil {
		return err
	}
	if c.Workers < 1 || c.Workers > 1000 {
		return usagef("--workers %d: want 1 to 1000", c.Workers)
	}
	st, err := c.openStorage(a, at, false)
	if err != nil {
		return err
	}
	defer st.Close()
	bucket := backend.NewBucket(st.driver, nil, nil, &backend.Options{
		Open: envelope.OpenOptions{ExtraSuites: extraSuites()}, InstructionSuffix: c.suffix(),
	})
	out := bufio.NewWriter(a.stdout)
	failed, all, err := c.list(ctx, a, &app{stdout: out}, bucket, at)
	if ferr := out.Flush(); ferr != nil && err == nil {
		err = fmt.Errorf("write stdout: %w", ferr)
	}
	if more := failed - maxFailures; more > 0 {
		a.warn("failed: and %d more", more)
	}
	if err == nil && failed > 0 {
		err = &partlyError{failed, all}
	}
	return at.about(at.noBucket(err))
}

// list prints to out, and says how many objects could not be described.
func (c *lsCmd) list(ctx context.Context, a, out *app, b *backend.Bucket, at address) (failed, all int64, err error) {
	for e, err := range c.entries(ctx, b, b.List(ctx, &backend.ListOptions{Prefix: at.key})) {
		if err != nil {
			return failed, all, err
		}
		if e.gone {
			continue
		}
		all++
		if e.Error != "" {
			if failed++; failed <= maxFailures {
				err := at.object(e.Key).about(e.err)
				a.warn("failed: %s", spoken(err, exitCode(context.Background(), err)))
			}
		}
		if c.JSON {
			err = out.printJSONLine(e)
		} else if _, err = fmt.Fprintln(out.stdout, c.line(e)); err != nil {
			err = fmt.Errorf("write stdout: %w", err)
		}
		if err != nil {
			return failed, all, err
		}
	}
	return failed, all, nil
}

// line is an entry for people.
func (c *lsCmd) line(e *lsEntry) string {
	text := ""
	if c.Long {
		modified := "-"
		if e.Modified != nil {
			modified = e.Modified.UTC().Format(time.RFC3339)
		}
		text = fmt.Sprintf("%12d  %-20s  %-11s  ", e.StoredSize, modified, cmp.Or(printable(e.StorageClass), "-"))
	}
	if c.Sizes {
		text += fmt.Sprintf("%12s  ", e.plaintext())
	}
	return text + printable(e.Key)
}

// plaintext is the size of the plaintext for people.
func (e *lsEntry) plaintext() string {
	switch {
	case e.Error != "" || e.PlaintextMin == nil:
		return "?"
	case *e.PlaintextMin == *e.PlaintextMax:
		return strconv.FormatInt(*e.PlaintextMin, 10)
	}
	return fmt.Sprintf("%d-%d", *e.PlaintextMin, *e.PlaintextMax)
}

// entries yields objects in their order, and asks for several at a time.
func (c *lsCmd) entries(ctx context.Context, b *backend.Bucket, objects iter.Seq2[*backend.Info, error]) iter.Seq2[*lsEntry, error] {
	return func(yield func(*lsEntry, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		var pending []chan *lsEntry
		next := func() bool {
			e := <-pending[0]
			pending = pending[1:]
			return yield(e, ctx.Err())
		}
		for info, err := range objects {
			if err != nil {
				for len(pending) > 0 {
					if !next() {
						return
					}
				}
				yield(nil, err)
				return
			}
			answer := make(chan *lsEntry, 1) // which nobody may wait for in the end
			pending = append(pending, answer)
			go func() { answer <- c.entry(ctx, b, info) }()
			if len(pending) >= c.Workers && !next() {
				return
			}
		}
		for len(pending) > 0 && next() {
		}
	}
}

// entry describes an object.
func (c *lsCmd) entry(ctx context.Context, b *backend.Bucket, info *backend.Info) *lsEntry {
	e := &lsEntry{Key: info.Key, StoredSize: info.Size, ETag: info.ETag, StorageClass: info.StorageClass}
	if !info.ModTime.IsZero() {
		e.Modified = &info.ModTime
	}
	if !c.Sizes {
		return e
	}
	oi, err := b.Stat(ctx, info.Key)
	switch {
	case errors.Is(err, backend.ErrNotExist):
		e.gone = true
	case err != nil:
		e.Error, e.err = err.Error(), err
	case isLost(oi): // of which nothing is known
	default:
		encrypted := oi.Header != nil
		e.Encrypted = &encrypted
		if oi.PlaintextSizeMin >= 0 {
			e.PlaintextMin, e.PlaintextMax = &oi.PlaintextSizeMin, &oi.PlaintextSizeMax
		}
	}
	return e
}

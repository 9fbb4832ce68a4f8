// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/bulk"
)

// bulkFlags say which of many objects a command works on.
type bulkFlags struct {
	Workers        int  `default:"8" placeholder:"N" help:"How many objects are worked on at a time; default 8."`
	Shard          text `placeholder:"I/N" help:"Only part I, counted from 0, of N, by the hash of the key: N machines with the same N share a prefix without talking to each other."`
	Manifest       text `placeholder:"FILE" help:"Instead of a listing, the objects of this S3 Inventory in CSV (- for stdin; gzip is recognised) that are under the prefix."`
	ManifestSchema text `placeholder:"NAMES" help:"Its columns, as fileSchema in its manifest.json; default Bucket, Key."`
}

// jobFlags are those of commands that do something to many objects.
type jobFlags struct {
	bulkFlags `group:"Many objects:"`
	Journal   text `group:"Many objects:" placeholder:"FILE" help:"Remember there what was done to which object: the same command goes on with it. It is for its owner only, and belongs on this machine."`
	DryRun    bool `help:"Only say what there is to do, and how many requests, bytes and KMS calls it takes. Nothing is changed or made, and no key is used."`
	JSON      bool `name:"json" help:"Print the summary as one JSON object with stable names."`
}

// bulkHelp is for the help of all commands with jobFlags.
const bulkHelp = `An object that fails is no reason to stop: it is named on stderr (the first 20 are) and in the journal, with
the reason, and the exit code is 7. In the end it is said which flags would let in all that policy has refused.
An interrupted job leaves each object as it was or done. --journal goes on with it: what it says was done, and
still is the same object with the same envelope, is skipped. It is for the same keys and flags: by others, a
journal of its own.`

// options translates the flags.
func (f bulkFlags) options() (bulk.Options, error) {
	opts := bulk.Options{Workers: f.Workers}
	if f.Workers < 1 || f.Workers > 1000 {
		return opts, usagef("--workers %d: want 1 to 1000", f.Workers)
	}
	if f.ManifestSchema != "" && f.Manifest == "" {
		return opts, usagef("--manifest-schema: want --manifest with it")
	}
	if f.Shard != "" {
		var err error
		if opts.Shard, err = bulk.ParseShard(string(f.Shard)); err != nil {
			return opts, usagef("--shard: %w", err)
		}
	}
	return opts, nil
}

// check refuses flags before anything is opened.
func (f bulkFlags) check() error {
	_, err := f.options()
	return err
}

// A selection is the objects that a command works on.
type selection struct {
	objects iter.Seq2[*backend.Info, error]
	bucket  *backend.Bucket // that they are in
	again   bool            // they can be had a second time
	close   func() error

	seen    bool          // there was one
	nothing *missingError // what it is that there was none; nil if that is no error
}

// selectFrom finds the objects of b under the prefix at. versions counts those that
// are no objects any more, too.
func (f bulkFlags) selectFrom(ctx context.Context, a *app, b *backend.Bucket, at address, versions bool) (*selection, error) {
	if f.Manifest == "" {
		list := b.List(ctx, &backend.ListOptions{Prefix: at.key, Versions: versions})
		return (&selection{objects: list, bucket: b, again: true, close: func() error { return nil }}).watched(at, ""), nil
	}
	src, closing := a.stdin, func() error { return nil }
	if f.Manifest != stdio {
		file, err := os.Open(string(f.Manifest))
		if err != nil {
			return nil, fmt.Errorf("--manifest: %w", err)
		}
		src, closing = file, file.Close
	}
	src = interruptible(ctx, src)
	return (&selection{objects: bulk.Manifest(src, f.manifest(at, versions)), bucket: b, close: closing}).watched(at, f.Manifest), nil
}

func (f bulkFlags) manifest(at address, versions bool) *bulk.ManifestOptions {
	return &bulk.ManifestOptions{Schema: string(f.ManifestSchema), Bucket: at.bucket, Prefix: at.key, Versions: versions}
}

// countFor is how long it may take to find out how much there is to do.
const countFor = 3 * time.Second

// total counts the objects of the shard, for the time that is left. It is not
// known if they cannot be had twice, or counting them takes too long.
func (s *selection) total(shard bulk.Shard) *bulk.Total {
	if !s.again {
		return nil
	}
	sum, until := new(bulk.Total), time.Now().Add(countFor)
	for info, err := range s.objects {
		if err != nil || time.Now().After(until) {
			return nil
		}
		if shard.Holds(info.Key) {
			sum.Objects++
			sum.Bytes += info.Size
		}
	}
	return sum
}

// one is the selection of a single object.
func one(b *backend.Bucket, key string) *selection {
	return &selection{
		bucket:  b,
		objects: func(yield func(*backend.Info, error) bool) { yield(&backend.Info{Key: key}, nil) },
		close:   func() error { return nil },
	}
}

// journal opens the journal of a job, if there is to be one. A dry run goes by one
// that is there, and makes none.
func (f jobFlags) journal(job bulk.Job) (*bulk.Journal, error) {
	if f.Journal == "" {
		return nil, nil
	}
	if info, err := os.Stat(string(f.Journal)); f.DryRun && (errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().IsRegular() && info.Size() == 0) {
		return nil, nil
	}
	j, err := bulk.OpenJournal(string(f.Journal), job)
	if other, ok := errors.AsType[*bulk.JobError](err); ok {
		text := fmt.Sprintf("--journal %s: it is about another job (%s): use another --journal file for this job", f.Journal, other.Got)
		return nil, &refusal{text, err}
	}
	if err != nil {
		return nil, fmt.Errorf("--journal: %w", err)
	}
	return j, nil
}

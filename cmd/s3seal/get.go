// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/s3seal/s3seal/backend"
)

// getCmd fetches an object to a file.
type getCmd struct {
	jsonFlags
	readFlags
	Src text `arg:"" help:"The object."`
	Dst text `arg:"" help:"The file to write, or - for stdout."`
}

// Help implements kong.HelpProvider.
func (getCmd) Help() string {
	return `The file appears under its name only when the whole object has been verified, whatever its size. Until then,
and if it fails, what was there before stays.

` + releaseHelp + `

Example:

    s3seal get -k aes:vault.key s3://bucket/dump.gz dump.gz
    s3seal get -k aes:vault.key -k aes:old.key#kid=2019 --accept v2 s3://bucket/2021.gz 2021.gz`
}

// Run fetches the object.
func (c *getCmd) Run(ctx context.Context, a *app) error {
	dst := string(c.Dst)
	if dst == "" {
		return usagef("want a file name for the plaintext, or - for stdout")
	}
	if dst == stdio && c.JSON {
		return usagef("--json: want a file name for the plaintext, as stdout is taken")
	}
	if err := checkNewFile(dst); err != nil {
		return err
	}
	if err := spareKeys(dst, c.Key); err != nil {
		return err
	}
	r, err := c.open(a, string(c.Src), false)
	if err != nil {
		return err
	}
	defer r.close()
	if dst != stdio && r.address.isFile(dst) {
		return usagef("%s is the object %s itself: want another file", dst, r.address.text)
	}
	if dst == stdio {
		return r.copy(ctx, a, nil)
	}
	info, err := r.bucket.GetFile(ctx, r.address.key, dst)
	if err != nil || !c.JSON {
		return r.explain(ctx, err)
	}
	return c.report(a, r.address, info)
}

// checkNewFile refuses what cannot get the name of a new file, as far as it can be
// seen before the object is asked for.
func checkNewFile(path string) error {
	if path == stdio {
		return nil
	}
	switch info, err := os.Stat(path); {
	case err == nil && info.IsDir():
		return usagef("%s is a folder: want a file name", path)
	case err == nil && !info.Mode().IsRegular():
		return usagef("%s is no regular file: want a file name, or - for stdout", path)
	}
	return checkFolder(path)
}

// checkFolder wants the folder in which path is to be, and names it: the error of
// a temporary file in it would not be understood.
func checkFolder(path string) error {
	folder := filepath.Dir(path)
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return &refusal{text: path + ": there is no folder " + folder}
	}
	return nil
}

// A getReport is what get prints. The JSON names are relied upon.
type getReport struct {
	Address       string `json:"address"`
	File          string `json:"file"`
	Format        string `json:"format,omitempty"` // nothing for what was not encrypted
	PlaintextSize int64  `json:"plaintext_size"`
	ETag          string `json:"etag"`
	VersionID     string `json:"version_id,omitempty"`
}

// report says what was written.
func (c *getCmd) report(a *app, at address, info *backend.ObjectInfo) error {
	file, err := os.Stat(string(c.Dst))
	if err != nil {
		return err
	}
	r := &getReport{Address: at.text, File: string(c.Dst), PlaintextSize: file.Size(), ETag: info.ETag, VersionID: info.VersionID}
	if info.Header != nil {
		r.Format, _ = formatName(info.Header.Suite)
	}
	return a.printJSON(r)
}

// copy writes the plaintext, or a range of it, to stdout.
func (r *reading) copy(ctx context.Context, a *app, part *byteRange) error {
	obj, err := r.object(ctx, part)
	if err != nil {
		return r.explain(ctx, err)
	}
	err = a.copyOut(ctx, obj)
	return r.explain(ctx, firstOf(err, obj.Close()))
}

func (r *reading) object(ctx context.Context, part *byteRange) (*backend.Object, error) {
	if part == nil {
		return r.bucket.Get(ctx, r.address.key)
	}
	return r.bucket.GetRange(ctx, r.address.key, part.off, part.n)
}

// catCmd writes an object to stdout.
type catCmd struct {
	readFlags
	Range  *byteRange `placeholder:"A-B|A-|-N" help:"Only these bytes of the plaintext, counted from 0, B included; -N: the last N."`
	Ranges bool       `group:"Reading:" name:"allow-unauthenticated-ranges" help:"Allow --range of formats in which it cannot notice alterations: all but chunked and dare2."`
	Src    text       `arg:"" help:"The object."`
}

// Help implements kong.HelpProvider.
func (catCmd) Help() string {
	return fmt.Sprintf(releaseHelp+`

Example:

    s3seal cat -k aes:vault.key s3://bucket/dump.gz | gunzip
    s3seal cat -k aes:vault.key --range 0-99 %s s3://bucket/log
    s3seal cat -k aes:vault.key --range 0-99 s3://bucket/put-with-format-chunked`, flagRanges)
}

// Run writes the object.
func (c *catCmd) Run(ctx context.Context, a *app) error {
	r, err := c.open(a, string(c.Src), c.Ranges)
	if err != nil {
		return err
	}
	defer r.close()
	return r.copy(ctx, a, c.Range)
}

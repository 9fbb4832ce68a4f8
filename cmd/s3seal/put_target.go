// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	"github.com/s3seal/s3seal/backend/dir"
)

const flagOverwritePlain = "--overwrite-plain-file"

// sparedText is why a file is spared.
const sparedText = "a file is there that s3seal has not written, and it would be lost: want another folder or name," +
	" or allow it with " + flagOverwritePlain

// checkTarget refuses an address whose file is worth more than the object, before
// anything is read or made.
func (c *putCmd) checkTarget(ctx context.Context, at address) error {
	if err := at.checkSlashes(); err != nil {
		return err
	}
	if c.OverwritePlainFile && at.isS3() {
		return usagef("%s: want a DST in a folder with it", flagOverwritePlain)
	}
	if c.Src != stdio && at.isFile(string(c.Src)) {
		return usagef("%s is the file %s itself: want another address", at.text, c.Src)
	}
	if err := spareKeys(at.file(), c.keyFiles()); err != nil {
		return err
	}
	if err := at.checkHeld(ctx); err != nil {
		return err
	}
	if err := at.checkNew(); err != nil {
		return err
	}
	return c.checkPlain(ctx, at)
}

// checkPlain refuses to replace a file of which its folder has no record. The
// conditions are left to decide where there are some: the one does not replace
// anything, the other names the very file.
func (c *putCmd) checkPlain(ctx context.Context, at address) error {
	if at.isS3() || c.OverwritePlainFile || c.IfNoneMatch || c.IfMatch != "" {
		return nil
	}
	recorded, _, err := recordOf(ctx, at.root, at.key)
	if err != nil || recorded {
		return nil // no folder, no file, or what the put itself will find
	}
	return at.about(&allowable{refusal{sparedText, dir.ErrPlainFile}})
}

// openTarget opens the storage of a put.
func (c *putCmd) openTarget(a *app, at address) (*storage, error) {
	if c.OverwritePlainFile {
		return openFolder(at, &dir.Options{})
	}
	return c.openStorage(a, at, true)
}

// explainBucket says how a bucket that is missing comes to be: not by this command.
func (c *putCmd) explainBucket(at address, err error) error {
	if errorCode(err) != "NoSuchBucket" {
		return err
	}
	how := "aws s3 mb s3://" + at.bucket
	if server, perr := parseEndpoint("--endpoint", string(c.Endpoint)); perr == nil && c.Endpoint != "" {
		how = "aws --endpoint-url " + server.url() + " s3 mb s3://" + at.bucket
	}
	if at.alias != "" {
		how = "mc mb " + at.alias + "/" + at.bucket
	}
	return &missingError{fmt.Sprintf("%s: there is no bucket %s: check its name, the endpoint and the region, or make it with: %s", at.text, at.bucket, how)}
}

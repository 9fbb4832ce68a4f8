// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
)

// checkFolder looks at the folder of an address.
func (c *doctorCmd) checkFolder(ctx context.Context, all *checkup, at address) {
	st, err := openFolder(at, c.Write)
	if err != nil {
		all.add("folder", checkFail, err.Error(), "check the name; put makes it if it is missing")
		return
	}
	defer st.Close()
	all.ok("folder", "%s is there", at.root)
	c.checkStorage(ctx, all, st, at)
}

// checkBucket says whether the bucket is there, and what the server thinks of
// who asks.
func (c *checkup) checkBucket(ctx context.Context, client *minio.Client, bucket string) bool {
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	there, err := client.BucketExists(ctx, bucket)
	switch {
	case err == nil && there:
		c.ok("bucket", "%s is there", bucket)
		return true
	case err == nil:
		c.add("bucket", checkFail, bucket+" is not there", "check the name, the endpoint and the region; s3seal makes no buckets")
		return false
	case errorCode(err) == "AccessDenied":
		c.add("bucket", checkWarn, "the server does not say whether "+bucket+" is there", "the policy must allow s3:ListBucket; the rest may work without")
		return true
	}
	c.add("bucket", checkFail, bucket+": "+err.Error(), storageAdvice(err))
	return false
}

func errorCode(err error) string {
	var resp minio.ErrorResponse
	if errors.As(err, &resp) {
		return resp.Code
	}
	return ""
}

// storageAdvice says what to do about an answer of the storage.
func storageAdvice(err error) string {
	switch errorCode(err) {
	case "AccessDenied", "AllAccessDisabled":
		return "the policy of this access key does not allow it"
	case "InvalidAccessKeyId":
		return "the server does not know this access key: is it for another server?"
	case "SignatureDoesNotMatch":
		return "the secret key is not that of this access key, or a proxy alters requests"
	case "RequestTimeTooSkewed":
		return "set the clock"
	case "AuthorizationHeaderMalformed", "PermanentRedirect":
		return "the bucket is in another region: use --region"
	case "ExpiredToken", "InvalidToken":
		return "the session is over: log in anew"
	case "NoSuchBucket":
		return "check the name of the bucket"
	}
	return ""
}

// try adds a check that is ok without an error.
func (c *checkup) try(check, text string, err error) bool {
	if err != nil {
		c.add(check, checkFail, err.Error(), storageAdvice(err))
		return false
	}
	c.ok(check, "%s", text)
	return true
}

// checkStorage tries what the commands ask of a storage.
func (c *doctorCmd) checkStorage(ctx context.Context, all *checkup, st *storage, at address) {
	ctx, cancel := context.WithTimeout(ctx, 4*doctorTimeout)
	defer cancel()
	bucket := backend.NewBucket(st.driver, nil, nil, nil)
	var listed error
	for _, err := range bucket.List(ctx, &backend.ListOptions{Prefix: at.key}) {
		listed = err
		break
	}
	if listed != nil && errorCode(listed) == "AccessDenied" {
		all.add("list", checkWarn, "objects cannot be listed", "ls, audit and the like need s3:ListBucket")
	} else {
		all.try("list", "objects can be listed", listed)
	}
	probe := at.key + "s3seal-doctor-" + strings.ToLower(rand.Text())
	_, err := st.driver.Stat(ctx, probe)
	switch {
	case errors.Is(err, backend.ErrNotExist):
		all.ok("read", "objects can be asked for")
	case errorCode(err) == "AccessDenied":
		all.add("read", checkWarn, "a missing object and one that may not be read look the same", "the policy must allow s3:GetObject, and s3:ListBucket to tell them apart")
	default:
		all.try("read", "objects can be asked for", err)
	}
	if !c.Write {
		all.skip("write", "put, conditions, multipart uploads and delete were not tried: --write does")
		return
	}
	all.checkWrite(ctx, st.driver, probe)
}

// checkWrite puts, reads and removes an object under a key that is free.
func (c *checkup) checkWrite(ctx context.Context, d backend.Driver, key string) {
	body := []byte("of s3seal doctor, to be removed\n")
	put := func(opts *backend.PutOptions) error {
		_, err := d.Put(ctx, key, bytes.NewReader(body), int64(len(body)), opts)
		return err
	}
	if !c.try("put", "an object was stored", put(&backend.PutOptions{})) {
		return
	}
	c.try("get", "the same came back", getSame(ctx, d, key, body))
	c.checkConditions(put)
	if m, ok := d.(backend.Multiparter); ok {
		c.try("multipart", "an upload in parts was begun and aborted", startAndAbort(ctx, m, key, body))
	}
	// Also after an interruption.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), doctorTimeout)
	defer cancel()
	if err := d.Delete(ctx, key); err != nil {
		c.add("delete", checkFail, fmt.Sprintf("%s is left: %v", key, err), storageAdvice(err))
		return
	}
	if v, ok := d.(backend.Versioner); ok {
		if kept, err := v.Versioned(ctx); err == nil && kept {
			c.add("delete", checkOK, "the object was removed; the bucket keeps versions, and this one: "+key, "")
			return
		}
	}
	c.ok("delete", "the object was removed")
}

func getSame(ctx context.Context, d backend.Driver, key string, want []byte) error {
	body, _, err := d.Get(ctx, key, &backend.GetOptions{})
	if err != nil {
		return err
	}
	got, err := io.ReadAll(body)
	if err = firstOf(err, body.Close()); err == nil && !bytes.Equal(got, want) {
		err = errors.New("the storage returned another object than was stored")
	}
	return err
}

// checkConditions finds out whether conditions of puts protect what is there.
func (c *checkup) checkConditions(put func(*backend.PutOptions) error) {
	for _, cond := range []struct {
		flag string
		opts *backend.PutOptions
		want error
	}{
		{flagIfNoneMatch, &backend.PutOptions{IfNoneMatch: true}, backend.ErrExist},
		{flagIfMatch, &backend.PutOptions{IfMatch: strings.Repeat("0", 32)}, backend.ErrChanged},
	} {
		switch err := put(cond.opts); {
		case errors.Is(err, cond.want):
		case err == nil:
			c.add("conditions", checkFail, "the storage ignores "+cond.flag, "do not rely on it here: neither a condition nor put --resume protects what others store")
			return
		case errors.Is(err, errors.ErrUnsupported), errorCode(err) == "NotImplemented":
			c.add("conditions", checkWarn, "the storage does not know "+cond.flag, "puts with it fail, the others work")
			return
		default:
			c.try("conditions", "", err)
			return
		}
	}
	c.ok("conditions", "%s and %s are honoured", flagIfNoneMatch, flagIfMatch)
}

func startAndAbort(ctx context.Context, m backend.Multiparter, key string, body []byte) error {
	id, err := m.StartUpload(ctx, key, &backend.PutOptions{})
	if err != nil {
		return err
	}
	_, err = m.PutPart(ctx, key, id, 1, body)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), doctorTimeout)
	defer cancel()
	return firstOf(err, m.AbortUpload(ctx, key, id))
}

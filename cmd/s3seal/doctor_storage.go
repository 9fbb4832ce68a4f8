// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
)

// checkFolder looks at the folder of an address.
func (c *doctorCmd) checkFolder(ctx context.Context, all *checkup, at address) {
	st, err := c.openStorage(all.app, at, c.Write)
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
		c.add("bucket", checkFail, bucket+" is not there", "check the name, the endpoint and the region; s3seal makes no buckets, aws s3 mb and mc mb do")
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
		return "the policy of this access key, or of requests without one, does not allow it"
	case "InvalidAccessKeyId":
		return "the server does not know this access key: is it for another server?"
	case "SignatureDoesNotMatch":
		return "the secret key is not that of this access key, or a proxy alters requests"
	case "RequestTimeTooSkewed":
		return "set this machine's clock, as with NTP"
	case "AuthorizationHeaderMalformed", "PermanentRedirect":
		return "the bucket is in another region: use --region"
	case "ExpiredToken", "InvalidToken":
		return "the session is over: log in anew"
	case "NoSuchBucket":
		return "check its name, the endpoint and the region; s3seal makes no buckets, aws s3 mb and mc mb do"
	}
	if resp, ok := errors.AsType[minio.ErrorResponse](err); ok && resp.StatusCode == http.StatusBadRequest && !isS3Code(resp.Code, resp.StatusCode) {
		return "no answer of an S3 server: does it want https://, or is the endpoint that of something else?"
	}
	return ""
}

// isS3Code says whether a code is one of S3, and not what the client makes of a
// status.
func isS3Code(code string, status int) bool {
	made := strconv.Itoa(status)
	return code != "" && code != made && !strings.HasPrefix(code, made+" ")
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
	asking, cancel := context.WithTimeout(ctx, 2*doctorTimeout)
	defer cancel()
	bucket := backend.NewBucket(st.driver, nil, nil, nil)
	var listed error
	for _, err := range bucket.List(asking, &backend.ListOptions{Prefix: at.key}) {
		listed = err
		break
	}
	if listed != nil && errorCode(listed) == "AccessDenied" {
		all.add("list", checkWarn, "objects cannot be listed", "ls, audit and the like need s3:ListBucket")
	} else {
		all.try("list", "objects can be listed", listed)
	}
	probe := at.key + "s3seal-doctor-" + strings.ToLower(rand.Text())
	_, err := st.driver.Stat(asking, probe)
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
	if ctx.Err() == nil {
		all.checkWrite(ctx, st.driver, at, probe)
	}
}

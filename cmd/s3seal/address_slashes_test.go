// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// TestS3Slashes: a slash too many in a key does not replace the object that some
// servers take it for.
func TestS3Slashes(t *testing.T) {
	ks := newKeySet(t)
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		at := "s3://" + bucket + "/"
		t.Setenv("AWS_ENDPOINT_URL_S3", srv.URL())
		t.Setenv("AWS_REGION", srv.Region)
		t.Setenv("AWS_SESSION_TOKEN", "")
		t.Setenv("AWS_ACCESS_KEY_ID", srv.AccessKey)
		t.Setenv("AWS_SECRET_ACCESS_KEY", srv.SecretKey)
		putN(t, ks.aes, at+"q", 100).want(t, exitOK)
		putN(t, ks.aes, at+"a/q", 100).want(t, exitOK)
		for _, c := range [][2]string{{"/q", "q"}, {"//q", "q"}, {"a//q", "a/q"}, {"a///q", "a/q"}} {
			putN(t, ks.aes, at+c[0], 50).want(t, exitUsage, at+c[0]+": ", "did you mean "+at+c[1]+"?")
		}
		wantCat(t, ks.aes, at+"q", 100)
		wantCat(t, ks.aes, at+"a/q", 100)
	})
}

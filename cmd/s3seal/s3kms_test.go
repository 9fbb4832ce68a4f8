// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"testing"

	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// TestS3InstructionKMS: objects on S3 servers with their envelope beside them
// and their keys in a KMS. Both are found in the same environment.
func TestS3InstructionKMS(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		newKMS(t, "alias/a")
		t.Setenv("AWS_ENDPOINT_URL_S3", srv.URL())
		t.Setenv("AWS_REGION", srv.Region)
		t.Setenv("AWS_SESSION_TOKEN", "")
		t.Setenv("AWS_ACCESS_KEY_ID", srv.AccessKey)
		t.Setenv("AWS_SECRET_ACCESS_KEY", srv.SecretKey)
		bucket := srv.NewBucket(t)
		at := "s3://" + bucket + "/x"
		put := []string{"put", "-k", "kms:alias/a#user=alice", flagInstruction, "-", at}
		want := pattern(4101)
		cli(t, bytes.NewReader(want), put...).want(t, exitOK)
		if got := srv.Objects(t, bucket); len(got) != 2 {
			t.Errorf("objects in the bucket: %q, want 2", got)
		}
		if r := cli(t, nil, "cat", "-k", "kms:alias/a", flagContext, "user=alice", at).want(t, exitOK); r.out != string(want) {
			t.Errorf("cat wrote %d bytes, want %d", len(r.out), len(want))
		}
		wantOpens(t, at, opensYes, exitOK, "kms:alias/a")
		cli(t, nil, put...).want(t, exitPolicy, flagInstructionOverwrite)
		cli(t, nil, "rm", at).want(t, exitOK)
		wantNothing(t, srv, bucket)
	})
}

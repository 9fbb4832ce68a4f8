// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/s3seal/s3seal/backend/bulk"
)

// TestSkippedError: exit code 4 is for what a flag may allow. That a single object
// is archived or belongs to another is a failure as any other.
func TestSkippedError(t *testing.T) {
	for reason, want := range map[string]int{
		bulk.ReasonNotEncrypted:    exitPolicy,
		bulk.ReasonArchived:        exitFailure,
		bulk.ReasonLocked:          exitFailure,
		bulk.ReasonSidecar:         exitFailure,
		bulk.ReasonInstructionFile: exitFailure,
		bulk.ReasonGone:            exitNotFound,
		bulk.ReasonJournal:         exitOK,
		bulk.ReasonWrapped:         exitOK,
	} {
		err := skippedError(&bulk.Summary{Reasons: map[string]int64{reason: 1}})
		if got := exitCode(t.Context(), err); got != want {
			t.Errorf("%s: exit code %d (%v), want %d", reason, got, err, want)
		}
	}

	ks := newKeySet(t)
	root := "dir:" + filepath.Join(t.TempDir(), "v")
	cli(t, bytes.NewReader(pattern(50)), "put", "-q", "-k", ks.aes, "--instruction-file", "-", root+"//x").want(t, exitOK)
	cli(t, nil, "rewrap", "-k", ks.aes, "--to", ks.otherAES, root+"//x.instruction").want(t, exitFailure,
		"s3seal: "+root+"//x.instruction: nothing to do: instruction file\n")
}

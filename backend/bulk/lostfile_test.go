// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/bulk"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
)

// filedElsewhere stores an object under old/0001, of which the instruction file ends
// in .keys, and that has what writers of V1 and V2 leave.
func filedElsewhere(t *testing.T, d *mem.Driver, suite envelope.Suite) {
	t.Helper()
	gcm, ecb, ring := oldKeys(t)
	w := gcm
	if suite == envelope.V1 {
		w = ecb
	}
	b := backend.NewBucket(d, w, ring, &backend.Options{
		Seal: envelope.SealOptions{Suite: suite}, InstructionFile: true, InstructionSuffix: ".keys",
	})
	oi := must(b.Put(t.Context(), "old/0001", strings.NewReader("precious"), 8, nil))(t)
	meta := map[string]string{"X-Amz-Meta-x-amz-unencrypted-content-length": "8"}
	must(d.ReplaceMetadata(t.Context(), "old/0001", meta, oi.ETag))(t)
}

// TestLostFile: an object whose instruction file is not found must not pass for
// plaintext, which is left out and not missed.
func TestLostFile(t *testing.T) {
	for _, suite := range []envelope.Suite{envelope.V1, envelope.V2CBC, envelope.V2GCM} {
		d, path := mem.New(), journalPath(t)
		filedElsewhere(t, d, suite)
		b, there := source(t, d, suite, false), target(t, mem.New())
		wantLost := func(what string, s *bulk.Summary, err error, r bulk.Result) {
			t.Helper()
			wantSummary(t, s, 0, 0, 1)
			if err != nil || !errors.Is(r.Err, envelope.ErrNotEncrypted) || !strings.Contains(r.Reason, "its envelope is in an instruction file that is not there") || r.Requests != 2 {
				t.Errorf("%v, %s: %+v, %v", suite, what, r, err)
			}
		}
		var last bulk.Result
		one := infos(nil, "old/0001")
		for _, dry := range []bool{true, false} {
			common := bulk.Options{DryRun: dry, OnResult: func(r bulk.Result) { last = r }}
			opts := rewrapOptions(t)
			opts.Options = common
			s, err := bulk.Rewrap(t.Context(), b, one, opts)
			wantLost("rewrap", s, err, last)
			common.Journal = journal(t, path)
			s, err = bulk.Migrate(t.Context(), b, there, one, &bulk.MigrateOptions{Options: common, Map: toNew})
			wantLost("migrate", s, err, last)
			common.Journal.Close()
		}
		s, results := verifyAll(t, there, &bulk.VerifyOptions{Against: bytes.NewReader(must(os.ReadFile(path))(t))})
		if r := results["new/0001"]; s.Failed != 1 || !errors.Is(r.Err, bulk.ErrNotStored) {
			t.Errorf("%v: verified against the journal: %+v, %+v, want ErrNotStored", suite, s, r)
		}
		s, results = verifyAll(t, b, &bulk.VerifyOptions{Options: bulk.Options{DryRun: true}})
		if r := results["old/0001"]; !errors.Is(r.Err, envelope.ErrNotEncrypted) {
			t.Errorf("%v: verify, dry run: %+v, %+v, want ErrNotEncrypted", suite, s, r)
		}
	}
}

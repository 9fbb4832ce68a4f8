// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/bulk"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
)

// TestVerifyAgainstPresent: what the journal has left in place as sealed, and is not
// encrypted now, is not verified where plaintext may be read: there is nothing that
// it would have been compared with.
func TestVerifyAgainstPresent(t *testing.T) {
	for _, reason := range []string{bulk.ReasonTarget, bulk.ReasonLocked, bulk.ReasonArchived} {
		for _, sum := range []bool{false, true} {
			d := mem.New()
			rawPut(t, d, "x", []byte("never sealed"), nil)
			b := backend.NewBucket(d, nil, nil, &backend.Options{Open: envelope.OpenOptions{AllowPlaintext: true}})
			against := strings.NewReader(wrote(1, `"key":"x","outcome":"skipped","reason":"`+reason+`"`))
			s, results := verifyAll(t, b, &bulk.VerifyOptions{Against: against, Sum: sum})
			if r := results["x"]; s.Failed != 1 || s.Unauthenticated != 0 || !errors.Is(r.Err, envelope.ErrNotEncrypted) {
				t.Errorf("%s: %+v, want ErrNotEncrypted", reason, r)
			}
		}
	}
}

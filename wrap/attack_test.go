// SPDX-License-Identifier: Apache-2.0

package wrap_test

import (
	"maps"
	"testing"

	"github.com/s3seal/s3seal/internal/fipstest"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/internal/wraptest"
)

// TestAttackA2Binding (CVE-2020-8912): a key that was wrapped for one content
// algorithm is not unwrapped for another one, and a KMS is not even asked.
func TestAttackA2Binding(t *testing.T) {
	fipstest.Skip(t)
	algs := []string{"115", "AES/GCM/NoPadding", "AES/CBC/PKCS5Padding", "AES/CTR/NoPadding", ""}
	client := newFakeKMS(t)
	for _, k := range []wrap.Key{mustAESGCM(t, make([]byte, 32)), mustRSAOAEP(t, wraptest.GenerateRSA(t, 2048)), mustKMS(t, client)} {
		for _, made := range algs[:3] {
			info := kmsInfo()
			info.ContentAlg, info.MatDesc[bindingEntry] = made, made
			cek := make([]byte, 32)
			wrapped := mustWrap(t, k, cek, info)
			wantCEK(t, k, k.Algorithm(), wrapped, info, cek)
			client.take()
			for _, stated := range algs {
				if stated != made {
					relabelled := wrap.Info{ContentAlg: stated, MatDesc: info.MatDesc}
					wantRejected(t, k, k.Algorithm(), wrapped, relabelled)
				}
			}
			if calls := client.take(); len(calls) != 0 {
				t.Errorf("%d calls of the KMS for a context that says something else than metadata, want 0", len(calls))
			}
			for _, stated := range algs { // both altered: the KMS knows
				if stated != made {
					both := wrap.Info{ContentAlg: stated, MatDesc: maps.Clone(info.MatDesc)}
					both.MatDesc[bindingEntry] = stated
					wantRejected(t, k, k.Algorithm(), wrapped, both)
				}
			}
			client.take()
		}
	}
}

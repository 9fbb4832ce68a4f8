// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
)

// TestRewrapBothKMSWraps: one RewrapOptions serves objects under both wraps of a
// KMS, of which one must name the key in the description and the other must not,
// and objects without a KMS.
func TestRewrapBothKMSWraps(t *testing.T) {
	kms := newCountingKMS(t, "old", "new")
	opts := &backend.RewrapOptions{
		Wrappers: []wrap.Wrapper{must(wrap.NewKMS(kms, "new"))(t), must(legacy.NewKMSPlain(kms, "new"))(t), must(wrap.NewAESGCM(kek(32)))(t)},
		MatDesc:  map[string]string{"kms_cmk_id": "new"},
	}
	for _, keep := range []bool{false, true} {
		opts.KeepMatDesc = keep
		for _, old := range []wrap.Key{must(wrap.NewKMS(kms, "old"))(t), must(legacy.NewKMSPlain(kms, "old"))(t), must(wrap.NewAESGCM(kek(16)))(t)} {
			seal := envelope.SealOptions{Suite: envelope.V2GCM, MatDesc: map[string]string{"user": "alice"}}
			plain := old.Algorithm() == wrap.KMSPlain
			if plain {
				seal.MatDesc["kms_cmk_id"] = "old"
			}
			b := backend.NewBucket(mem.New(), old, old, &backend.Options{Seal: seal, Open: everything(nil)})
			must(b.Put(t.Context(), "k", bytes.NewReader(pattern(100)), -1, nil))(t)
			info, err := b.Rewrap(t.Context(), "k", opts)
			if err != nil {
				t.Errorf("%v: Rewrap = %v", old.Algorithm(), err)
				continue
			}
			desc := info.Header.MatDesc
			if id, ok := desc["kms_cmk_id"]; ok != plain || plain && id != "new" {
				t.Errorf("%v: description %v, want kms_cmk_id %v", old.Algorithm(), desc, plain)
			}
			if user := desc["user"]; (user == "alice") != keep {
				t.Errorf("%v: description %v with KeepMatDesc %v", old.Algorithm(), desc, keep)
			}
		}
	}
}

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

// TestRewrapV1Kind: with new keys of both kinds, an object whose wrap has no name
// gets one of the kind that it has now, whatever their order.
func TestRewrapV1Kind(t *testing.T) {
	ecb, rsa := must(legacy.NewAESECB(newKEK(32)))(t), must(legacy.NewRSAPKCS1Key(must(otherRSA())(t)))(t)
	for _, wrappers := range [][]wrap.Wrapper{{ecb, rsa}, {rsa, ecb}} {
		for _, p := range []struct{ old, want wrap.Key }{
			{must(legacy.NewAESECB(kek(16)))(t), ecb},
			{must(legacy.NewRSAPKCS1Key(must(rsaKey())(t)))(t), rsa},
		} {
			d := mem.New()
			opts := &backend.Options{Seal: envelope.SealOptions{Suite: envelope.V1}, Open: everything(nil)}
			b := backend.NewBucket(d, p.old, p.old, opts)
			must(b.Put(t.Context(), "k", bytes.NewReader(pattern(100)), -1, nil))(t)
			must(b.Rewrap(t.Context(), "k", &backend.RewrapOptions{Wrappers: wrappers}))(t)
			o, err := backend.NewBucket(d, nil, p.want, opts).Get(t.Context(), "k")
			if err != nil {
				t.Errorf("%v, new keys %v: Get with the new one = %v", p.old, wrappers, err)
				continue
			}
			o.Close()
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package fuzz_test

import (
	"context"
	"os"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	enveloped "github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/internal/race"
	"github.com/s3seal/s3seal/wrap"
)

// A keyKeeper keeps the last CEK that it was to wrap.
type keyKeeper struct {
	wrap.Wrapper
	cek [16]byte // half of it will do to see that two are different
}

func (k *keyKeeper) Wrap(ctx context.Context, cek []byte, info wrap.Info) ([]byte, error) {
	k.cek = [16]byte(cek)
	return k.Wrapper.Wrap(ctx, cek, info)
}

// TestNothingTwice makes many envelopes: no CEK, IV, message ID, salt or nonce of
// a wrapped key comes a second time, and none is zero.
func TestNothingTwice(t *testing.T) {
	suites := []envelope.Suite{envelope.V3, envelope.V2GCM, envelope.Chunked, enveloped.DARE2}
	n := 2_500
	if os.Getenv("S3SEAL_LONG") == "1" && !race.Enabled {
		n = 250_000 // of each, a million in all
	}
	for _, suite := range suites {
		spy := &keyKeeper{Wrapper: must[wrap.Key](t)(wrap.NewAESGCM(testKey))}
		seen := make(map[[16]byte]struct{}, 3*n)
		once := func(what string, b []byte) {
			var v [16]byte
			copy(v[:], b)
			if _, twice := seen[v]; twice || v == [16]byte{} {
				t.Fatalf("%v: %s is zero or came twice: %x", suite, what, b)
			}
			seen[v] = struct{}{}
		}
		for range n {
			h := must[*envelope.Sealer](t)(envelope.NewSealer(t.Context(), spy, &envelope.SealOptions{Suite: suite})).Header()
			once("a CEK", spy.cek[:])
			once("the nonce of a wrapped key", h.WrappedKey[:12])
			if suite != envelope.Chunked { // its salt is in the body
				once("an IV, message ID or salt", h.IV)
			}
		}
	}
}

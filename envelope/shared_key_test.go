// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/cryptotest"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/wrap"
)

// TestManyShareKeys: 64 goroutines seal, each with a writer of its own, and open
// what the next one has sealed. All share the keys.
func TestManyShareKeys(t *testing.T) {
	const many = 64
	keys := wrap.NewKeyring(aesKeys(t, kek), rsaKeys(t, rsaKey(t)))
	pairs := []pair{{envelope.V3, wrap.AESGCM}, {envelope.V2GCM, wrap.AESKW}, {envelope.Chunked, wrap.AESGCM}, {envelope.V3, wrap.RSAOAEPSHA1}, {dare.DARE2, wrap.AESGCM}}
	var wrappers []wrap.Wrapper
	for _, p := range pairs {
		wrappers = append(wrappers, p.key(t))
	}
	objects := make([]object, many)
	var sealing, opening sync.WaitGroup
	for i := range many {
		sealing.Go(func() {
			p := pairs[i%len(pairs)]
			objects[i] = sealObject(t, wrappers[i%len(pairs)], p.options(), pattern(1000*i+1))
		})
	}
	sealing.Wait()
	for i := range many {
		opening.Go(func() {
			opts := everything()
			o := objects[(i+1)%many]
			if got, err := o.open(t.Context(), keys, &opts); err != nil || !bytes.Equal(got, o.plain) {
				t.Errorf("object %d: %d bytes, %v; want %d", (i+1)%many, len(got), err, len(o.plain))
			}
		})
	}
	opening.Wait()
}

// sealedAgain seals with the random bytes that come of a seed, and returns a
// digest of all that is stored.
func sealedAgain(t *testing.T, seed uint64, suite envelope.Suite) string {
	t.Helper()
	cryptotest.SetGlobalRandom(t, seed)
	key := must[wrap.Key](t)(wrap.NewAESGCM(kek))
	s := must[*envelope.Sealer](t)(envelope.NewSealer(t.Context(), key, &envelope.SealOptions{Suite: suite}))
	body := must[[]byte](t)(io.ReadAll(must[io.Reader](t)(s.Reader(bytes.NewReader(pattern(40_000))))))
	meta := must[map[string]string](t)(s.Header().Metadata())
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(meta)) {
		fmt.Fprintf(h, "%q=%q\n", name, meta[name])
	}
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

// TestSameRandomSameObject: nothing goes into an object but what it is made of
// and what crypto/rand gives, so that the same random bytes make the same object.
func TestSameRandomSameObject(t *testing.T) {
	for _, suite := range []envelope.Suite{envelope.V3, envelope.V2GCM, envelope.V2CBC, envelope.Chunked, dare.DARE2} {
		t.Run(suite.String(), func(t *testing.T) {
			first := sealedAgain(t, 7, suite)
			if again := sealedAgain(t, 7, suite); again != first {
				t.Errorf("the same random bytes make %s and %s", first, again)
			}
			if other := sealedAgain(t, 8, suite); other == first {
				t.Error("other random bytes make the same object")
			}
		})
	}
}

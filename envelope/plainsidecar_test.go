// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"maps"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/internal/vectors"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/localkms"
)

const sidecarKeyID = "alias/sidecar"

// plainStore is the storage of the small client, whose master key is in a KMS,
// and a bucket of ours over the same storage and KMS.
func plainStore(t testing.TB, suite envelope.Suite) (*mem.Driver, *localkms.KMS, *backend.Bucket) {
	t.Helper()
	client := localkms.New()
	if err := client.CreateKey(sidecarKeyID); err != nil {
		t.Fatal(err)
	}
	key := must[*backend.SidecarKey](t)(backend.NewSidecarKey(client, sidecarKeyID, &backend.SidecarOptions{Wrap: wrap.AESKW}))
	store := mem.New()
	return store, client, backend.NewBucket(store, key, key, &backend.Options{
		Seal: envelope.SealOptions{Suite: suite},
		Open: envelope.OpenOptions{AllowUncommitted: true, AllowLegacyWraps: true, AllowLegacyCBC: true},
	})
}

// plainGet returns what is stored, as it is.
func plainGet(t testing.TB, d backend.Driver, key string) (meta map[string]string, body []byte) {
	t.Helper()
	r, info, err := d.Get(t.Context(), key, new(backend.GetOptions))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	return info.Metadata, must[[]byte](t)(io.ReadAll(r))
}

// TestPlainReaderReadsSidecar: the small client has a KMS decrypt what is in
// KEY.key, and uses that as its master key.
func TestPlainReaderReadsSidecar(t *testing.T) {
	eachPlain(t, func(t *testing.T, suite envelope.Suite, plain []byte) {
		store, client, bucket := plainStore(t, suite)
		for range 2 { // over an object, too
			if _, err := bucket.Put(t.Context(), "a", bytes.NewReader(plain), int64(len(plain)), nil); err != nil {
				t.Fatal(err)
			}
			_, blob := plainGet(t, store, "a.key")
			master, err := client.Decrypt(t.Context(), sidecarKeyID, blob, nil)
			if err != nil {
				t.Fatalf("the KMS does not take the sidecar: %v", err)
			}
			meta, body := plainGet(t, store, "a")
			for _, meta := range []map[string]string{meta, titled(meta)} {
				if got, err := plainRead(meta, body, master); err != nil || !bytes.Equal(got, plain) {
					t.Errorf("plainRead(%v) = %d bytes, %v, want the %d sealed, nil", meta, len(got), err, len(plain))
				}
			}
		}
	})
}

// TestPlainWriterWithSidecarIsRead: the other way round, with the sidecar as the
// small client may have stored it, and put over by us.
func TestPlainWriterWithSidecarIsRead(t *testing.T) {
	eachPlain(t, func(t *testing.T, suite envelope.Suite, plain []byte) {
		store, client, bucket := plainStore(t, suite)
		blob := must[[]byte](t)(client.Encrypt(t.Context(), sidecarKeyID, vectors.DecodeHex(t, plainMaster), nil))
		text := base64.StdEncoding.EncodeToString(blob)
		o := plainSeal(t, suite, plain)
		for _, sidecar := range []string{string(blob), text, text + "\n"} {
			putRaw(t, store, "a.key", sidecar, nil)
			putRaw(t, store, "a", string(o.body), o.meta)
			if got := getPlain(t, bucket, "a"); !bytes.Equal(got, plain) {
				t.Errorf("Get = %d bytes, want the %d sealed", len(got), len(plain))
			}
			if _, err := bucket.Put(t.Context(), "a", bytes.NewReader(plain), -1, nil); err != nil {
				t.Fatal(err)
			}
			if _, now := plainGet(t, store, "a.key"); string(now) != sidecar {
				t.Error("the sidecar was replaced")
			}
			meta, body := plainGet(t, store, "a")
			if got, err := plainRead(meta, body, vectors.DecodeHex(t, plainMaster)); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("plainRead = %d bytes, %v, want the %d sealed, nil", len(got), err, len(plain))
			}
		}
	})
}

func putRaw(t testing.TB, d backend.Driver, key, body string, meta map[string]string) {
	t.Helper()
	if _, err := d.Put(t.Context(), key, strings.NewReader(body), int64(len(body)), &backend.PutOptions{Metadata: maps.Clone(meta)}); err != nil {
		t.Fatal(err)
	}
}

func getPlain(t testing.TB, bucket *backend.Bucket, key string) []byte {
	t.Helper()
	o, err := bucket.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	return must[[]byte](t)(io.ReadAll(o))
}

// SPDX-License-Identifier: Apache-2.0

package localkms_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/internal/fipstest"
	"github.com/s3seal/s3seal/internal/vectors"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
	"github.com/s3seal/s3seal/wrap/localkms"
)

// A realObject is one that a real client wrote.
type realObject struct {
	Name          string
	KeyID         string `json:"key_id"`
	MasterKey     string `json:"master_key_hex"`
	Blob          string `json:"blob_hex"`
	Context       md
	CEK           string `json:"cek_hex"`
	PlaintextSize int    `json:"plaintext_size"`
	Metadata      md
	Body          []byte
}

func loadObjects(t testing.TB) []realObject {
	t.Helper()
	data, err := os.ReadFile("testdata/fkms1.json")
	if err != nil {
		t.Fatal(err)
	}
	var f struct{ Objects []realObject }
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Objects) != 20 {
		t.Fatalf("%d objects, want 20", len(f.Objects))
	}
	return f.Objects
}

// kms returns a KMS with the key of the object, and another one.
func (o *realObject) kms(t testing.TB) *localkms.KMS {
	t.Helper()
	k := newKMS(t)
	if err := k.ImportKey(o.KeyID, vectors.DecodeHex(t, o.MasterKey)); err != nil {
		t.Fatal(err)
	}
	return k
}

func TestFKMSBlobs(t *testing.T) {
	for _, o := range loadObjects(t) {
		t.Run(o.Name, func(t *testing.T) {
			k, blob := o.kms(t), vectors.DecodeHex(t, o.Blob)
			wantPlain(t, k, o.KeyID, blob, o.Context, vectors.DecodeHex(t, o.CEK))
			if err := k.Rotate(o.KeyID); err != nil {
				t.Fatal(err)
			}
			wantPlain(t, k, o.KeyID, blob, o.Context, vectors.DecodeHex(t, o.CEK))
			wantRejected(t, k, keyA, blob, o.Context)
			for i := range len(blob) * 8 {
				bad := bytes.Clone(blob)
				bad[i/8] ^= 1 << (i % 8)
				wantRejected(t, k, o.KeyID, bad, o.Context)
			}
			for n := range blob {
				wantRejected(t, k, o.KeyID, blob[:n], o.Context)
			}
			wantRejected(t, k, o.KeyID, blob, nil)
		})
	}
}

// TestFKMSAmbiguousContext: of the contexts that the old encoding cannot tell
// apart, only those open that cannot be meant to deceive.
func TestFKMSAmbiguousContext(t *testing.T) {
	key := bytes.Repeat([]byte{5}, 32)
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	k := localkms.New()
	if err := k.ImportKey(keyA, key); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		aad    string
		encCtx md
		ok     bool
	}{
		{"", nil, true},
		{"a=b\nc=d\n", md{"a": "b", "c": "d"}, true},
		{"a=b\nc=d\n", md{"a": "b\nc=d"}, false},
		{"a=b\nc=d\n", md{"a=b\nc": "d"}, false},
		{"a=b=c\n", md{"a": "b=c"}, true},
		{"a=b=c\n", md{"a=b": "c"}, false},
		{"\n=\n", md{"\n": ""}, false},
	} {
		blob := aead.Seal([]byte("FKMS1\x00"), nil, []byte("plain"), []byte(c.aad))
		if c.ok {
			wantPlain(t, k, keyA, blob, c.encCtx, []byte("plain"))
		} else {
			wantRejected(t, k, keyA, blob, c.encCtx)
		}
	}
}

// A countingKMS counts calls and remembers the key IDs.
type countingKMS struct {
	wrap.KMS
	asked []string
}

func (c *countingKMS) Decrypt(ctx context.Context, keyID string, blob []byte, encCtx md) ([]byte, error) {
	c.asked = append(c.asked, keyID)
	return c.KMS.Decrypt(ctx, keyID, blob, encCtx)
}

func (o *realObject) keys(t testing.TB, client wrap.KMS) *wrap.Keyring {
	t.Helper()
	modern, err := wrap.NewKMS(client, o.KeyID)
	if err != nil {
		t.Fatal(err)
	}
	old, err := legacy.NewKMSPlain(client, o.KeyID)
	if err != nil {
		t.Fatal(err)
	}
	return wrap.NewKeyring(modern, old)
}

func (o *realObject) open(ctx context.Context, u wrap.Unwrapper, opts *envelope.OpenOptions) ([]byte, error) {
	h, err := envelope.ParseHeader(o.Metadata)
	if err != nil {
		return nil, err
	}
	opener, err := envelope.NewOpener(ctx, h, u, opts)
	if err != nil {
		return nil, err
	}
	r, err := opener.Reader(bytes.NewReader(o.Body), int64(len(o.Body)))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// TestRealObjects opens whole objects with exactly the options that they need,
// and asks no KMS where an option is missing.
func TestRealObjects(t *testing.T) {
	fipstest.Skip(t)
	opened := 0
	for _, o := range loadObjects(t) {
		if o.Body == nil {
			continue
		}
		h, err := envelope.ParseHeader(o.Metadata)
		if err != nil {
			t.Fatalf("%s: %v", o.Name, err)
		}
		need := h.Required()
		for bits := range 8 {
			opts := envelope.OpenOptions{AllowUncommitted: bits&1 != 0, AllowLegacyWraps: bits&2 != 0, AllowLegacyCBC: bits&4 != 0}
			allowed := (opts.AllowUncommitted || !need.AllowUncommitted) && (opts.AllowLegacyWraps || !need.AllowLegacyWraps) && (opts.AllowLegacyCBC || !need.AllowLegacyCBC)
			t.Run(fmt.Sprintf("%s,options=%03b", o.Name, bits), func(t *testing.T) {
				client := &countingKMS{KMS: o.kms(t)}
				got, err := o.open(t.Context(), o.keys(t, client), &opts)
				if !allowed {
					if !errors.Is(err, envelope.ErrPolicy) || len(client.asked) != 0 {
						t.Errorf("open = %v with %d KMS calls, want %v, 0", err, len(client.asked), envelope.ErrPolicy)
					}
					return
				}
				want := make([]byte, o.PlaintextSize)
				for i := range want {
					want[i] = byte(i * 7)
				}
				if err != nil || !bytes.Equal(got, want) || len(client.asked) != 1 || client.asked[0] != o.KeyID {
					t.Errorf("open = %x, %v, asked %q; want %x, nil, %q", got, err, client.asked, want, o.KeyID)
				}
			})
		}
		opened++
	}
	if opened != 12 {
		t.Errorf("opened %d objects, want 12", opened)
	}
}

// TestRealObjectsContext: what the reader demands is compared before the KMS is
// asked.
func TestRealObjectsContext(t *testing.T) {
	fipstest.Skip(t)
	all := &envelope.OpenOptions{AllowUncommitted: true, AllowLegacyWraps: true, AllowLegacyCBC: true}
	for _, o := range loadObjects(t) {
		if o.Body == nil {
			continue
		}
		for _, encCtx := range []md{nil, {"user": "alice", "app": "interop"}} {
			client := &countingKMS{KMS: o.kms(t)}
			u, err := wrap.RequireContext(o.keys(t, client), encCtx)
			if err != nil {
				t.Fatal(err)
			}
			_, err = o.open(t.Context(), u, all)
			if match := (len(o.Context) == 3) == (encCtx != nil); match && err != nil || !match && (!errors.Is(err, wrap.ErrContext) || len(client.asked) != 0) {
				t.Errorf("%s, context %q: %v after %d KMS calls, want ok = %t", o.Name, encCtx, err, len(client.asked), match)
			}
		}
	}
}

// TestAttackPolicyBehindCache: what a cache remembers is no way round the policy.
func TestAttackPolicyBehindCache(t *testing.T) {
	fipstest.Skip(t)
	o := loadObjects(t)[4]
	client := &countingKMS{KMS: o.kms(t)}
	cache, err := wrap.NewCache(o.keys(t, client), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Clear()
	all := &envelope.OpenOptions{AllowUncommitted: true, AllowLegacyWraps: true}
	for range 2 {
		if _, err := o.open(t.Context(), cache, all); err != nil {
			t.Fatal(err)
		}
	}
	if len(client.asked) != 1 {
		t.Errorf("%d KMS calls, want 1", len(client.asked))
	}
	for _, opts := range []*envelope.OpenOptions{nil, {AllowUncommitted: true}, {AllowLegacyWraps: true}} {
		if got, err := o.open(t.Context(), cache, opts); !errors.Is(err, envelope.ErrPolicy) || got != nil {
			t.Errorf("open with %+v = %x, %v, want nil, %v", opts, got, err, envelope.ErrPolicy)
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package localkms_test

import (
	"bytes"
	"context"
	"crypto/fips140"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/s3seal/s3seal/internal/fipstest"
	"github.com/s3seal/s3seal/internal/printtest"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/localkms"
)

const (
	keyA = "arn:aws:kms:eu-west-1:111111111111:key/a"
	keyB = "alias/b"
)

type md = map[string]string

func newKMS(t testing.TB) *localkms.KMS {
	t.Helper()
	k := localkms.New()
	for _, id := range []string{keyA, keyB} {
		if err := k.CreateKey(id); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

// mustEncrypt encrypts under keyA.
func mustEncrypt(t testing.TB, k wrap.KMS, plain []byte, encCtx md) []byte {
	t.Helper()
	blob, err := k.Encrypt(t.Context(), keyA, plain, encCtx)
	if err != nil {
		t.Fatal(err)
	}
	return blob
}

func wantPlain(t *testing.T, k wrap.KMS, keyID string, blob []byte, encCtx md, want []byte) {
	t.Helper()
	got, err := k.Decrypt(t.Context(), keyID, blob, encCtx)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("Decrypt = %x, %v, want %x, nil", got, err, want)
	}
}

// wantRejected wants ErrUnwrap and nothing that would tell why.
func wantRejected(t *testing.T, k wrap.KMS, keyID string, blob []byte, encCtx md) {
	t.Helper()
	got, err := k.Decrypt(t.Context(), keyID, blob, encCtx)
	if !errors.Is(err, wrap.ErrUnwrap) || err.Error() != wrap.ErrUnwrap.Error() || got != nil {
		t.Errorf("Decrypt = %x, %v, want nil, %v", got, err, wrap.ErrUnwrap)
	}
}

func TestRoundTrip(t *testing.T) {
	k := newKMS(t)
	for _, encCtx := range []md{nil, {}, {"a": "b"}, {"": ""}, {"a=b": "c\nd=e", "é": "漢"}} {
		for _, n := range []int{1, 16, 32, 1024, 4096} {
			plain := bytes.Repeat([]byte{byte(n)}, n)
			wantPlain(t, k, keyA, mustEncrypt(t, k, plain, encCtx), encCtx, plain)
			if n > 1024 {
				continue
			}
			made, blob, err := k.GenerateDataKey(t.Context(), keyB, n, encCtx)
			if err != nil || len(made) != n {
				t.Fatalf("GenerateDataKey(%d) = %d bytes, %v", n, len(made), err)
			}
			wantPlain(t, k, keyB, blob, encCtx, made)
		}
	}
	wantPlain(t, k, keyA, mustEncrypt(t, k, []byte("p"), nil), md{}, []byte("p"))
}

func TestLimits(t *testing.T) {
	k, ctx := newKMS(t), t.Context()
	for _, n := range []int{-1, 0, 1025} {
		if _, _, err := k.GenerateDataKey(ctx, keyA, n, nil); err == nil {
			t.Errorf("GenerateDataKey(%d) = nil, want an error", n)
		}
	}
	for _, n := range []int{0, 4097} {
		if _, err := k.Encrypt(ctx, keyA, make([]byte, n), nil); err == nil {
			t.Errorf("Encrypt of %d bytes = nil, want an error", n)
		}
	}
	for _, id := range []string{"", "\xff", strings.Repeat("k", 2049)} {
		if err := k.CreateKey(id); err == nil {
			t.Errorf("CreateKey(%d bytes) = nil, want an error", len(id))
		}
	}
	for _, n := range []int{0, 16, 31, 33} {
		if err := k.ImportKey("imported", make([]byte, n)); err == nil {
			t.Errorf("ImportKey of %d bytes = nil, want an error", n)
		}
	}
	if err := k.CreateKey(keyA); err == nil {
		t.Error("CreateKey of a key that exists = nil, want an error")
	}
	if got, want := k.KeyIDs(), []string{keyB, keyA}; !slices.Equal(got, want) {
		t.Errorf("KeyIDs = %q, want %q", got, want)
	}
}

func TestUnknownKey(t *testing.T) {
	k := newKMS(t)
	blob := mustEncrypt(t, k, make([]byte, 32), nil)
	_, errDecrypt := k.Decrypt(t.Context(), "unknown", blob, nil)
	_, errEncrypt := k.Encrypt(t.Context(), "unknown", make([]byte, 32), nil)
	_, _, errGenerate := k.GenerateDataKey(t.Context(), "", 32, nil)
	errRotate := new(localkms.KMS).Rotate(keyA)
	for i, err := range []error{errDecrypt, errEncrypt, errGenerate, errRotate} {
		if !errors.Is(err, localkms.ErrNotFound) || errors.Is(err, wrap.ErrUnwrap) {
			t.Errorf("%d: got %v, want %v", i, err, localkms.ErrNotFound)
		}
	}
	if n := k.Versions("unknown"); n != 0 {
		t.Errorf("Versions = %d, want 0", n)
	}
}

func TestEndOfContext(t *testing.T) {
	k := newKMS(t)
	blob := mustEncrypt(t, k, make([]byte, 32), nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, errDecrypt := k.Decrypt(ctx, keyA, blob, nil)
	_, _, errGenerate := k.GenerateDataKey(ctx, keyA, 32, nil)
	if !errors.Is(errDecrypt, context.Canceled) || !errors.Is(errGenerate, context.Canceled) {
		t.Errorf("Decrypt = %v, GenerateDataKey = %v, want %v", errDecrypt, errGenerate, context.Canceled)
	}
}

func TestRejected(t *testing.T) {
	k := newKMS(t)
	encCtx := md{"user": "alice", "app": "x"}
	blob := mustEncrypt(t, k, bytes.Repeat([]byte{7}, 32), encCtx)
	for i := range len(blob) * 8 {
		bad := bytes.Clone(blob)
		bad[i/8] ^= 1 << (i % 8)
		wantRejected(t, k, keyA, bad, encCtx)
	}
	for n := range blob {
		wantRejected(t, k, keyA, blob[:n], encCtx)
	}
	wantRejected(t, k, keyA, append(bytes.Clone(blob), 0), encCtx)
	wantRejected(t, k, keyB, blob, encCtx)
	for _, other := range []md{
		nil,
		{},
		{"user": "alice"},
		{"user": "bob", "app": "x"},
		{"user": "x", "app": "alice"},
		{"user": "alice", "app": ""},
		{"user": "alice", "app": "x", "": ""},
		{"User": "alice", "app": "x"},
		{"app": "xuseralice"},
	} {
		wantRejected(t, k, keyA, blob, other)
	}
	wantPlain(t, k, keyA, blob, encCtx, bytes.Repeat([]byte{7}, 32))
}

// TestForeignKeyOfTheSameName: another KMS's key of the same ID is another key.
func TestForeignKeyOfTheSameName(t *testing.T) {
	wantRejected(t, newKMS(t), keyA, mustEncrypt(t, newKMS(t), make([]byte, 32), nil), nil)
}

func TestRotate(t *testing.T) {
	k := newKMS(t)
	var blobs [][]byte
	for i := range 5 {
		blobs = append(blobs, mustEncrypt(t, k, []byte{byte(i)}, nil))
		if err := k.Rotate(keyA); err != nil {
			t.Fatal(err)
		}
	}
	for i, blob := range blobs {
		if got := blob[27]; got != byte(i) {
			t.Errorf("blob %d is of version %d", i, got)
		}
		wantPlain(t, k, keyA, blob, nil, []byte{byte(i)})
		older := slices.Concat(blob[:27], []byte{byte(i + 1)}, blob[28:]) // the version is bound
		wantRejected(t, k, keyA, older, nil)
	}
	if a, b := k.Versions(keyA), k.Versions(keyB); a != 6 || b != 1 {
		t.Errorf("Versions = %d and %d, want 6 and 1", a, b)
	}
}

func TestImportedKeyIsCopied(t *testing.T) {
	k, again := localkms.New(), localkms.New()
	key := bytes.Repeat([]byte{9}, 32)
	if err := k.ImportKey(keyA, key); err != nil {
		t.Fatal(err)
	}
	clear(key)
	if err := again.ImportKey(keyA, bytes.Repeat([]byte{9}, 32)); err != nil {
		t.Fatal(err)
	}
	wantPlain(t, again, keyA, mustEncrypt(t, k, []byte("p"), nil), nil, []byte("p"))
}

func TestInputsAreLeftAlone(t *testing.T) {
	k := newKMS(t)
	plain, encCtx := []byte("plain"), md{"a": "b"}
	blob := mustEncrypt(t, k, plain, encCtx)
	before := bytes.Clone(blob)
	wantPlain(t, k, keyA, blob, encCtx, []byte("plain"))
	if string(plain) != "plain" || !bytes.Equal(blob, before) || !maps.Equal(encCtx, md{"a": "b"}) {
		t.Errorf("inputs are now %q, %x, %q", plain, blob, encCtx)
	}
}

func TestConcurrentUse(t *testing.T) {
	k := newKMS(t)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 20 {
				plain := []byte{byte(g), byte(i)}
				wantPlain(t, k, keyA, mustEncrypt(t, k, plain, nil), nil, plain)
				if i%10 == 0 {
					if err := errors.Join(k.Rotate(keyA), k.CreateKey(fmt.Sprint(g, i))); err != nil {
						t.Error(err)
					}
				}
				_ = k.String()
			}
		})
	}
	wg.Wait()
	if got := k.Versions(keyA); got != 17 {
		t.Errorf("Versions = %d, want 17", got)
	}
}

func TestKeysAreNotPrinted(t *testing.T) {
	k := localkms.New()
	key := []byte("0123456789abcdef0123456789abcdef")
	if err := k.ImportKey(keyA, key); err != nil {
		t.Fatal(err)
	}
	printtest.Hides(t, k, key)
	if want := "localkms.KMS(1 keys in memory)"; k.String() != want {
		t.Errorf("String = %q, want %q", k.String(), want)
	}
}

// TestFIPS runs the tests of this package again in FIPS 140-only mode. Left out
// are those that need more than the KMS: content is neither sealed nor opened in
// that mode, and clients in other languages do not know of it.
func TestFIPS(t *testing.T) {
	if !fips140.Enforced() {
		fipstest.RerunAll(t)
	}
}

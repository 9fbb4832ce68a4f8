// SPDX-License-Identifier: Apache-2.0

package wrap_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/s3seal/s3seal/wrap"
)

const (
	ourKeyID     = "arn:aws:kms:eu-west-1:111111111111:key/ours"
	foreignKeyID = "arn:aws:kms:eu-west-1:666666666666:key/theirs"
)

var errDenied = errors.New("access denied")

// A kmsCall is what a fakeKMS was asked.
type kmsCall struct {
	op, keyID string
	encCtx    map[string]string
}

// A fakeKMS holds two keys, ours and one that nobody should ask for, and writes
// down every call.
type fakeKMS struct {
	keys map[string]wrap.Key
	err  error // answer to everything, if set

	mu    sync.Mutex
	calls []kmsCall
}

func newFakeKMS(t testing.TB) *fakeKMS {
	t.Helper()
	return &fakeKMS{keys: map[string]wrap.Key{
		ourKeyID:     mustAESGCM(t, []byte("0123456789abcdef0123456789abcdef")),
		foreignKeyID: mustAESGCM(t, []byte("fedcba9876543210fedcba9876543210")),
	}}
}

func (f *fakeKMS) record(op, keyID string, encCtx map[string]string) (wrap.Key, wrap.Info, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, kmsCall{op, keyID, maps.Clone(encCtx)})
	key, ok := f.keys[keyID]
	if f.err == nil && !ok {
		return nil, wrap.Info{}, errDenied
	}
	return key, wrap.Info{ContentAlg: fmt.Sprintf("%q", encCtx)}, f.err
}

// take returns the calls since the last take.
func (f *fakeKMS) take() []kmsCall {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

func (f *fakeKMS) wantCalls(t *testing.T, want ...kmsCall) {
	t.Helper()
	got := f.take()
	same := func(a, b kmsCall) bool {
		return a.op == b.op && a.keyID == b.keyID && maps.Equal(a.encCtx, b.encCtx)
	}
	if !slices.EqualFunc(got, want, same) {
		t.Errorf("the KMS was asked %q, want %q", got, want)
	}
}

func (f *fakeKMS) GenerateDataKey(ctx context.Context, keyID string, size int, encCtx map[string]string) ([]byte, []byte, error) {
	key, info, err := f.record("GenerateDataKey", keyID, encCtx)
	if err != nil {
		return nil, nil, err
	}
	plain := make([]byte, size)
	rand.Read(plain)
	blob, err := key.Wrap(ctx, plain, info)
	return plain, blob, err
}

func (f *fakeKMS) Encrypt(ctx context.Context, keyID string, plain []byte, encCtx map[string]string) ([]byte, error) {
	key, info, err := f.record("Encrypt", keyID, encCtx)
	if err != nil {
		return nil, err
	}
	return key.Wrap(ctx, plain, info)
}

func (f *fakeKMS) Decrypt(ctx context.Context, keyID string, blob []byte, encCtx map[string]string) ([]byte, error) {
	key, info, err := f.record("Decrypt", keyID, encCtx)
	if err != nil {
		return nil, err
	}
	plain, err := key.Unwrap(ctx, wrap.AESGCM, blob, info)
	if err != nil {
		return nil, fmt.Errorf("InvalidCiphertextException: the details: %w", err)
	}
	return plain, nil
}

func mustKMS(t testing.TB, client wrap.KMS) wrap.Key {
	t.Helper()
	k, err := wrap.NewKMS(client, ourKeyID)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

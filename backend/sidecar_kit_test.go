// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/localkms"
)

const sidecarKeyID = "alias/sidecars"

// A countingKMS records its calls by name.
type countingKMS struct {
	wrap.KMS
	mu    sync.Mutex
	calls []string
	err   error // if not nil, every call fails with it
}

func newCountingKMS(t testing.TB, ids ...string) *countingKMS {
	t.Helper()
	keys := localkms.New()
	for _, id := range append(ids, sidecarKeyID) {
		if err := keys.CreateKey(id); err != nil {
			t.Fatal(err)
		}
	}
	return &countingKMS{KMS: keys}
}

func (k *countingKMS) call(op string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.calls = append(k.calls, op)
	return k.err
}

func (k *countingKMS) GenerateDataKey(ctx context.Context, keyID string, size int, encCtx map[string]string) (plain, blob []byte, err error) {
	if err := k.call("GenerateDataKey"); err != nil {
		return nil, nil, err
	}
	return k.KMS.GenerateDataKey(ctx, keyID, size, encCtx)
}

func (k *countingKMS) Encrypt(ctx context.Context, keyID string, plain []byte, encCtx map[string]string) ([]byte, error) {
	if err := k.call("Encrypt"); err != nil {
		return nil, err
	}
	return k.KMS.Encrypt(ctx, keyID, plain, encCtx)
}

func (k *countingKMS) Decrypt(ctx context.Context, keyID string, blob []byte, encCtx map[string]string) ([]byte, error) {
	if err := k.call("Decrypt"); err != nil {
		return nil, err
	}
	return k.KMS.Decrypt(ctx, keyID, blob, encCtx)
}

func (k *countingKMS) wantCalls(t testing.TB, want ...string) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	if !slices.Equal(k.calls, want) {
		t.Errorf("calls of the KMS %q, want %q", k.calls, want)
	}
	k.calls = nil
}

func sidecarKey(t testing.TB, client wrap.KMS, alg wrap.Algorithm) *backend.SidecarKey {
	t.Helper()
	return must(backend.NewSidecarKey(client, sidecarKeyID, &backend.SidecarOptions{Wrap: alg}))(t)
}

// sidecarBucket returns a bucket over d that opens everything.
func sidecarBucket(t testing.TB, d backend.Driver, client wrap.KMS, suite envelope.Suite, alg wrap.Algorithm) *backend.Bucket {
	t.Helper()
	return profile{"", suite, sidecarKey(t, client, alg)}.bucket(d)
}

// sidecarWays are the formats and wraps of objects with a sidecar.
func sidecarWays() []struct {
	suite envelope.Suite
	alg   wrap.Algorithm
} {
	return []struct {
		suite envelope.Suite
		alg   wrap.Algorithm
	}{
		{envelope.V3, wrap.Unnamed},
		{envelope.V3, wrap.AESGCM},
		{envelope.V2GCM, wrap.AESGCM},
		{envelope.V2GCM, wrap.AESKW},
		{envelope.V2CBC, wrap.AESKW},
	}
}

func mustPut(t testing.TB, b *backend.Bucket, key string, data []byte) {
	t.Helper()
	if _, err := b.Put(t.Context(), key, strings.NewReader(string(data)), int64(len(data)), nil); err != nil {
		t.Fatal(err)
	}
}

// SPDX-License-Identifier: Apache-2.0

package wrap_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/internal/wraptest"
)

func TestKMSKEK(t *testing.T) {
	client := newFakeKMS(t)
	encCtx := md{"object": "a"}
	key, blob, err := wrap.GenerateKEK(t.Context(), client, ourKeyID, encCtx, wrap.NewAESKeyWrap)
	if err != nil {
		t.Fatal(err)
	}
	client.wantCalls(t, kmsCall{"GenerateDataKey", ourKeyID, encCtx})
	cek := bytes.Repeat([]byte{4}, 32)
	wrapped := mustWrap(t, key, cek, wrap.Info{})
	again, err := wrap.DecryptKEK(t.Context(), client, ourKeyID, blob, encCtx, wrap.NewAESKeyWrap)
	if err != nil {
		t.Fatal(err)
	}
	client.wantCalls(t, kmsCall{"Decrypt", ourKeyID, encCtx})
	wantCEK(t, again, wrap.AESKW, wrapped, wrap.Info{}, cek)

	for what, bad := range map[string]struct {
		keyID  string
		blob   []byte
		encCtx md
	}{
		"other key": {foreignKeyID, blob, encCtx}, "other context": {ourKeyID, blob, nil},
		"altered": {ourKeyID, append(bytes.Clone(blob), 0), encCtx}, "empty": {ourKeyID, nil, encCtx},
	} {
		k, err := wrap.DecryptKEK(t.Context(), client, bad.keyID, bad.blob, bad.encCtx, wrap.NewAESKeyWrap)
		if !errors.Is(err, wrap.ErrUnwrap) || k != nil {
			t.Errorf("%s: %v, %v, want nil, %v", what, k, err, wrap.ErrUnwrap)
		}
	}
}

func TestKMSKEKIsCleared(t *testing.T) {
	var kept []byte
	newKey := func(kek []byte) (wrap.Key, error) {
		kept = kek
		return wrap.NewAESGCM(kek)
	}
	client := newFakeKMS(t)
	_, blob, err := wrap.GenerateKEK(t.Context(), client, ourKeyID, nil, newKey)
	if err != nil || len(kept) != 32 || !bytes.Equal(kept, make([]byte, 32)) {
		t.Errorf("GenerateKEK left %x, %v, want 32 zeros", kept, err)
	}
	kept = nil
	_, err = wrap.DecryptKEK(t.Context(), client, ourKeyID, blob, nil, newKey)
	if err != nil || len(kept) != 32 || !bytes.Equal(kept, make([]byte, 32)) {
		t.Errorf("DecryptKEK left %x, %v, want 32 zeros", kept, err)
	}
}

func TestKMSKEKErrors(t *testing.T) {
	ctx, errNew := t.Context(), errors.New("no such key")
	failing := func([]byte) (wrap.Key, error) { return nil, errNew }
	client := newFakeKMS(t)
	_, blob, err := wrap.GenerateKEK(ctx, client, ourKeyID, nil, wrap.NewAESGCM)
	if err != nil {
		t.Fatal(err)
	}
	if _, b, err := wrap.GenerateKEK(ctx, client, ourKeyID, nil, failing); err != errNew || b != nil {
		t.Errorf("GenerateKEK = %x, %v, want nil, %v", b, err, errNew)
	}
	if _, err := wrap.DecryptKEK(ctx, client, ourKeyID, blob, nil, failing); err != errNew {
		t.Errorf("DecryptKEK = %v, want %v", err, errNew)
	}
	if _, _, err := wrap.GenerateKEK(ctx, client, "unknown", nil, wrap.NewAESGCM); !errors.Is(err, errDenied) {
		t.Errorf("GenerateKEK = %v, want %v", err, errDenied)
	}
	if _, err := wrap.DecryptKEK(ctx, client, "unknown", blob, nil, wrap.NewAESGCM); !errors.Is(err, errDenied) {
		t.Errorf("DecryptKEK = %v, want %v", err, errDenied)
	}
	client.take()
	for what, f := range map[string]func() error{
		"no client":      func() error { _, _, err := wrap.GenerateKEK(ctx, nil, "k", nil, wrap.NewAESGCM); return err },
		"no key ID":      func() error { _, err := wrap.DecryptKEK(ctx, client, "", blob, nil, wrap.NewAESGCM); return err },
		"no constructor": func() error { _, err := wrap.DecryptKEK(ctx, client, "k", blob, nil, nil); return err },
		"generates nothing": func() error {
			_, _, err := wrap.GenerateKEK(ctx, wraptest.BrokenKMS{}, "k", nil, wrap.NewAESGCM)
			return err
		},
		"decrypts 31 bytes": func() error {
			_, err := wrap.DecryptKEK(ctx, wraptest.BrokenKMS{Plain: make([]byte, 31)}, "k", blob, nil, wrap.NewAESGCM)
			return err
		},
	} {
		if f() == nil {
			t.Errorf("%s: no error", what)
		}
	}
	client.wantCalls(t)
}

// SPDX-License-Identifier: Apache-2.0

package legacy_test

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"testing"

	"github.com/s3seal/s3seal/internal/vectors"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/internal/wraptest"
	"github.com/s3seal/s3seal/wrap/legacy"
)

func loadKeywrap(t testing.TB) *wraptest.Keywrap {
	t.Helper()
	return wraptest.LoadKeywrap(t, "../testdata/formats_keywrap.json")
}

type wycheproofGroup struct {
	PrivateKeyPKCS8 string `json:"privateKeyPkcs8"`
	Tests           []struct {
		ID     int `json:"tcId"`
		Msg    string
		CT     string
		Label  string
		Result string
	}
}

func parsePKCS8(t *testing.T, s string) *rsa.PrivateKey {
	t.Helper()
	key, err := x509.ParsePKCS8PrivateKey(vectors.DecodeHex(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return key.(*rsa.PrivateKey)
}

func mustECB(t testing.TB, kek []byte) wrap.Key {
	t.Helper()
	k, err := legacy.NewAESECB(kek)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func mustPKCS1(t testing.TB, priv *rsa.PrivateKey) wrap.Key {
	t.Helper()
	k, err := legacy.NewRSAPKCS1Key(priv)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func mustOAEPSHA256(t testing.TB, priv *rsa.PrivateKey) wrap.Unwrapper {
	t.Helper()
	k, err := legacy.NewRSAOAEPSHA256Key(priv)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func mustWrap(t testing.TB, w wrap.Wrapper, cek []byte) []byte {
	t.Helper()
	wrapped, err := w.Wrap(t.Context(), cek, wrap.Info{})
	if err != nil {
		t.Fatal(err)
	}
	return wrapped
}

func wantCEK(t *testing.T, u wrap.Unwrapper, alg wrap.Algorithm, wrapped, want []byte) {
	t.Helper()
	got, err := u.Unwrap(t.Context(), alg, wrapped, wrap.Info{})
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("Unwrap(%v) = %x, %v, want %x, nil", alg, got, err, want)
	}
}

// wantRejected wants ErrUnwrap, with its own text and nothing beside it.
func wantRejected(t *testing.T, u wrap.Unwrapper, alg wrap.Algorithm, wrapped []byte) {
	t.Helper()
	got, err := u.Unwrap(t.Context(), alg, wrapped, wrap.Info{})
	if !errors.Is(err, wrap.ErrUnwrap) || err.Error() != wrap.ErrUnwrap.Error() || got != nil {
		t.Errorf("Unwrap(%v, %d bytes) = %x, %v, want nil, %v", alg, len(wrapped), got, err, wrap.ErrUnwrap)
	}
}

// wantStandIn wants some CEK of 32 bytes, the same each time, and returns it.
func wantStandIn(t *testing.T, k wrap.Unwrapper, wrapped []byte) []byte {
	t.Helper()
	a, errA := k.Unwrap(t.Context(), wrap.RSAPKCS1, wrapped, wrap.Info{})
	b, errB := k.Unwrap(t.Context(), wrap.Unnamed, wrapped, wrap.Info{})
	if errA != nil || errB != nil || len(a) != 32 || !bytes.Equal(a, b) {
		t.Errorf("Unwrap twice = %x, %v and %x, %v, want one CEK of 32 bytes, nil", a, errA, b, errB)
	}
	return a
}

// SPDX-License-Identifier: Apache-2.0

package legacy_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"github.com/s3seal/s3seal/internal/fipstest"
	"github.com/s3seal/s3seal/internal/printtest"
	"github.com/s3seal/s3seal/internal/vectors"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/internal/wraptest"
	"github.com/s3seal/s3seal/wrap/legacy"
)

var testKEK = []byte("0123456789abcdef0123456789abcdef")

type servingKey struct {
	wrap.Unwrapper
	serves []wrap.Algorithm
}

func allKeys(t testing.TB) map[string]servingKey {
	t.Helper()
	priv := loadKeywrap(t).RSAKey(t)
	return map[string]servingKey{
		"legacy.AESECB(256-bit)":         {mustECB(t, testKEK), []wrap.Algorithm{wrap.AESECB, wrap.Unnamed}},
		"legacy.RSAPKCS1(2048-bit)":      {mustPKCS1(t, priv), []wrap.Algorithm{wrap.RSAPKCS1, wrap.Unnamed}},
		"legacy.RSAOAEPSHA256(2048-bit)": {mustOAEPSHA256(t, priv), []wrap.Algorithm{wrap.RSAOAEPSHA256}},
	}
}

func TestKeysServeTheirAlgorithmsOnly(t *testing.T) {
	fipstest.Skip(t)
	for name, k := range allKeys(t) {
		for alg := range wrap.RSARaw + 2 {
			serves := slices.Contains(k.serves, alg)
			for _, n := range []int{0, 32, 256, 1 << 20} {
				_, err := k.Unwrap(t.Context(), alg, make([]byte, n), wrap.Info{})
				if errors.Is(err, wrap.ErrNoKey) == serves || !serves && errors.Is(err, wrap.ErrUnwrap) {
					t.Errorf("%s: Unwrap(%v, %d bytes) = %v, want ErrNoKey: %t", name, alg, n, err, !serves)
				}
			}
		}
		if w, ok := k.Unwrapper.(wrap.Wrapper); ok && !slices.Contains(k.serves[:1], w.Algorithm()) {
			t.Errorf("%s: Algorithm = %v, want %v", name, w.Algorithm(), k.serves[0])
		}
	}
}

func TestKeysLeaveInputsAlone(t *testing.T) {
	fipstest.Skip(t)
	for name, k := range allKeys(t) {
		w, ok := k.Unwrapper.(wrap.Wrapper)
		if !ok {
			continue
		}
		cek := bytes.Repeat([]byte{5}, 32)
		wrapped := mustWrap(t, w, cek)
		if !bytes.Equal(cek, bytes.Repeat([]byte{5}, 32)) {
			t.Errorf("%s: Wrap changed the CEK to %x", name, cek)
		}
		before := bytes.Clone(wrapped)
		got, err := k.Unwrap(t.Context(), w.Algorithm(), wrapped, wrap.Info{})
		if err != nil || !bytes.Equal(wrapped, before) {
			t.Errorf("%s: Unwrap changed its input or failed: %v", name, err)
		}
		clear(got) // the caller may; the key must not notice
		wantCEK(t, k, w.Algorithm(), wrapped, cek)
	}
}

func TestKEKIsCopied(t *testing.T) {
	fipstest.Skip(t)
	kek := bytes.Clone(testKEK)
	k := mustECB(t, kek)
	wrapped := mustWrap(t, k, make([]byte, 32))
	clear(kek)
	wantCEK(t, k, wrap.AESECB, wrapped, make([]byte, 32))
}

func TestConcurrentUse(t *testing.T) {
	fipstest.Skip(t)
	keys := allKeys(t)
	oaep := wraptest.Base64(t, loadKeywrap(t).RSA[1].Wrapped)
	want := vectors.DecodeHex(t, loadKeywrap(t).RSA[1].Payload)
	var wg sync.WaitGroup
	for i := range 8 {
		for _, k := range keys {
			wg.Go(func() {
				if w, ok := k.Unwrapper.(wrap.Wrapper); ok {
					cek := bytes.Repeat([]byte{byte(i)}, 32)
					wrapped, err := w.Wrap(t.Context(), cek, wrap.Info{})
					if err != nil {
						t.Errorf("Wrap(%v) = %v, want nil", w.Algorithm(), err)
					}
					wantCEK(t, k, w.Algorithm(), wrapped, cek)
					return
				}
				wantCEK(t, k, wrap.RSAOAEPSHA256, oaep, want)
			})
		}
	}
	wg.Wait()
}

func TestKeysAreNotPrinted(t *testing.T) {
	fipstest.Skip(t)
	priv := loadKeywrap(t).RSAKey(t)
	hidden := [][]byte{testKEK, priv.D.Bytes(), priv.Primes[0].Bytes(), priv.Primes[1].Bytes(), priv.Precomputed.Dp.Bytes()}
	for _, k := range allKeys(t) {
		printtest.Hides(t, k.Unwrapper, hidden...)
	}
}

func TestKeysSayWhatTheyAre(t *testing.T) {
	fipstest.Skip(t)
	want := make(map[string]any)
	for name, k := range allKeys(t) {
		want[name] = k.Unwrapper
	}
	pub, err := legacy.NewRSAPKCS1(&loadKeywrap(t).RSAKey(t).PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	want["legacy.RSAPKCS1(2048-bit public)"] = pub
	for want, v := range want {
		s := v.(interface {
			fmt.GoStringer
			slog.LogValuer
		})
		if got, want := fmt.Sprintf("%d", v), "%!d(string="+want+")"; got != want {
			t.Errorf("%%d printed %q, want %q", got, want)
		}
		for _, got := range []string{s.GoString(), s.LogValue().String(), fmt.Sprint(v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", v)} {
			if got != want {
				t.Errorf("printed %q, want %q", got, want)
			}
		}
	}
}

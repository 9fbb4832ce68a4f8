// SPDX-License-Identifier: Apache-2.0

package wrap_test

import (
	"bytes"
	"crypto/fips140"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/s3seal/s3seal/internal/printtest"
	"github.com/s3seal/s3seal/wrap"
)

// optionalRSA returns an RSA key, or nil where the mode allows none.
func optionalRSA(t testing.TB) wrap.Key {
	t.Helper()
	if fips140.Enforced() {
		return nil
	}
	return mustRSAOAEP(t, loadKeywrap(t).RSAKey(t))
}

// allKeys returns one key of each type.
func allKeys(t testing.TB) map[string]wrap.Key {
	t.Helper()
	keys := map[string]wrap.Key{
		"AESGCM":     mustAESGCM(t, []byte("0123456789abcdef0123456789abcdef")),
		"AESKeyWrap": mustAESKeyWrap(t, []byte("0123456789abcdef")),
	}
	if rsa := optionalRSA(t); rsa != nil {
		keys["RSAOAEP"] = rsa
	}
	return keys
}

var allAlgorithms = []wrap.Algorithm{
	wrap.Unnamed, wrap.AESGCM, wrap.AESKW, wrap.RSAOAEPSHA1, wrap.RSAOAEPSHA256,
	wrap.KMSContext, wrap.KMSPlain, wrap.AESECB, wrap.RSAPKCS1, wrap.RSARaw, wrap.RSARaw + 1, 255,
}

func TestKeysServeTheirAlgorithmOnly(t *testing.T) {
	for name, k := range allKeys(t) {
		for _, alg := range allAlgorithms {
			t.Run(fmt.Sprintf("%s/%v", name, alg), func(t *testing.T) {
				wrapped := mustWrap(t, k, make([]byte, 32), wrap.Info{})
				for _, w := range [][]byte{wrapped, nil, make([]byte, 1<<20)} {
					_, err := k.Unwrap(t.Context(), alg, w, wrap.Info{})
					if errors.Is(err, wrap.ErrNoKey) == (alg == k.Algorithm()) || errors.Is(err, wrap.ErrNoKey) && errors.Is(err, wrap.ErrUnwrap) {
						t.Errorf("Unwrap of %d bytes = %v, want ErrNoKey: %t", len(w), err, alg != k.Algorithm())
					}
				}
			})
		}
	}
}

func TestKeysWrapAESKeysOnly(t *testing.T) {
	for name, k := range allKeys(t) {
		for n := range 70 {
			_, err := k.Wrap(t.Context(), make([]byte, n), wrap.Info{})
			if want := n == 16 || n == 24 || n == 32; (err == nil) != want {
				t.Errorf("%s: Wrap of %d bytes = %v, want ok = %t", name, n, err, want)
			}
		}
	}
}

func TestKEKSizes(t *testing.T) {
	for n := range 70 {
		_, err := wrap.NewAESGCM(make([]byte, n))
		if want := n == 16 || n == 24 || n == 32; (err == nil) != want {
			t.Errorf("NewAESGCM with %d bytes = %v, want ok = %t", n, err, want)
		}
	}
}

func TestKeysLeaveInputsAlone(t *testing.T) {
	for name, k := range allKeys(t) {
		info := wrap.Info{ContentAlg: gcmAlg}
		cek := bytes.Repeat([]byte{5}, 32)
		wrapped := mustWrap(t, k, cek, info)
		if !bytes.Equal(cek, bytes.Repeat([]byte{5}, 32)) {
			t.Errorf("%s: Wrap changed the CEK to %x", name, cek)
		}
		before := bytes.Clone(wrapped)
		got, err := k.Unwrap(t.Context(), k.Algorithm(), wrapped, info)
		if err != nil || !bytes.Equal(wrapped, before) {
			t.Errorf("%s: Unwrap changed its input or failed: %v", name, err)
		}
		clear(got) // the caller may; the key must not notice
		wantCEK(t, k, k.Algorithm(), wrapped, info, cek)
	}
}

func TestKEKIsCopied(t *testing.T) {
	for name, newKey := range map[string]func([]byte) (wrap.Key, error){"AESGCM": wrap.NewAESGCM, "AESKeyWrap": wrap.NewAESKeyWrap} {
		kek := bytes.Repeat([]byte{3}, 32)
		k, err := newKey(kek)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		wrapped := mustWrap(t, k, make([]byte, 32), wrap.Info{})
		clear(kek)
		wantCEK(t, k, k.Algorithm(), wrapped, wrap.Info{}, make([]byte, 32))
	}
}

func TestKeysAreNotPrinted(t *testing.T) {
	kek32, kek16 := []byte("0123456789abcdef0123456789abcdef"), []byte("0123456789abcdef")
	hidden := [][]byte{kek32, kek16}
	for name, k := range allKeys(t) {
		if name == "RSAOAEP" {
			priv := loadKeywrap(t).RSAKey(t)
			for _, n := range []interface{ Bytes() []byte }{priv.D, priv.Primes[0], priv.Primes[1], priv.Precomputed.Dp, priv.Precomputed.Qinv} {
				hidden = append(hidden, n.Bytes())
			}
		}
		printedKeys := []any{k, wrap.Describe(k, md{"a": "b"}), wrap.NewKeyring(k, wrap.Describe(k, nil)), *wrap.NewKeyring(k)}
		for _, v := range printedKeys {
			printtest.Hides(t, v, hidden...)
		}
	}
}

func TestKeysSayWhatTheyAre(t *testing.T) {
	gcm, kw := mustAESGCM(t, make([]byte, 32)), mustAESKeyWrap(t, make([]byte, 24))
	want := map[any]string{
		gcm:                              "wrap.AESGCM(256-bit)",
		kw:                               "wrap.AESKeyWrap(192-bit)",
		wrap.Describe(gcm, md{"a": "b"}): `wrap.Describe(wrap.AESGCM(256-bit), map["a":"b"])`,
		wrap.NewKeyring():                "wrap.Keyring[]",
		wrap.NewKeyring(wrap.Describe(gcm, md{"a": "b"})):                                `wrap.Keyring[wrap.Describe(wrap.AESGCM(256-bit), map["a":"b"])]`,
		wrap.NewKeyring(wrap.Describe(wrap.Describe(kw, md{"in": "1"}), md{"out": "2"})): `wrap.Keyring[wrap.Describe(wrap.Describe(wrap.AESKeyWrap(192-bit), map["in":"1"]), map["out":"2"])]`,
		wrap.NewKeyring(gcm, wrap.NewKeyring(kw), &secretive{}):                          "wrap.Keyring[wrap.AESGCM(256-bit) wrap.AESKeyWrap(192-bit) *wrap_test.secretive]",
	}
	if !fips140.Enforced() {
		priv := loadKeywrap(t).RSAKey(t)
		pub, err := wrap.NewRSAOAEP(&priv.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		want[pub] = "wrap.RSAOAEP(2048-bit public)"
		want[mustRSAOAEP(t, priv)] = "wrap.RSAOAEP(2048-bit)"
	}
	for v, want := range want {
		s, ok := v.(interface {
			fmt.Stringer
			fmt.GoStringer
			slog.LogValuer
		})
		if !ok {
			t.Errorf("%T lacks String, GoString or LogValue", v)
			continue
		}
		for _, got := range []string{s.String(), s.GoString(), s.LogValue().String(), fmt.Sprint(v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", v), fmt.Sprintf("%s", v)} {
			if got != want {
				t.Errorf("printed %q, want %q", got, want)
			}
		}
		if got, want := fmt.Sprintf("%d", v), "%!d(string="+want+")"; got != want {
			t.Errorf("%%d printed %q, want %q", got, want)
		}
	}
}

// secretive is someone else's key without a String.
type secretive struct {
	wrap.Unwrapper
	_ [32]byte
}

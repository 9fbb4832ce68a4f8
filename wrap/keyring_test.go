// SPDX-License-Identifier: Apache-2.0

package wrap_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/s3seal/s3seal/wrap"
)

var errDown = errors.New("kms: connection refused")

// A fakeKey serves some algorithms and gives one answer. It records what it was
// asked with a wrapped key that is not empty.
type fakeKey struct {
	name   string
	serves []wrap.Algorithm
	cek    string
	err    error
	asked  *[]string
}

func (k fakeKey) Unwrap(_ context.Context, alg wrap.Algorithm, wrapped []byte, _ wrap.Info) ([]byte, error) {
	if !slices.Contains(k.serves, alg) {
		return nil, fmt.Errorf("%s: %w", k.name, wrap.ErrNoKey)
	}
	if len(wrapped) > 0 {
		*k.asked = append(*k.asked, k.name)
	}
	if k.err != nil {
		return nil, fmt.Errorf("%s: %w", k.name, k.err)
	}
	return []byte(k.cek), nil
}

type md = map[string]string

var (
	algGCM  = []wrap.Algorithm{wrap.AESGCM}
	algECB  = []wrap.Algorithm{wrap.AESECB, wrap.Unnamed}
	algRSA  = []wrap.Algorithm{wrap.RSAPKCS1, wrap.Unnamed}
	cekSize = 32
)

type decision struct {
	name  string
	keys  func(asked *[]string) []wrap.Unwrapper
	alg   wrap.Algorithm
	size  int // of the wrapped key, 60 if 0
	md    md
	cek   string // beginning of the CEK
	err   error
	asked []string
}

func good(name string, alg []wrap.Algorithm, asked *[]string) fakeKey {
	return fakeKey{name: name, serves: alg, cek: name + strings.Repeat(".", cekSize-len(name)), asked: asked}
}

func bad(name string, alg []wrap.Algorithm, err error, asked *[]string) fakeKey {
	return fakeKey{name: name, serves: alg, err: err, asked: asked}
}

var keyringByAlgorithm = []decision{
	{
		name: "no keys", keys: func(*[]string) []wrap.Unwrapper { return nil },
		alg: wrap.AESGCM, err: wrap.ErrNoKey,
	},
	{
		name: "nil keys", keys: func(*[]string) []wrap.Unwrapper { return []wrap.Unwrapper{nil, wrap.Describe(nil, md{"a": "1"})} },
		alg: wrap.AESGCM, err: wrap.ErrNoKey,
	},
	{
		name: "none serves", keys: func(a *[]string) []wrap.Unwrapper {
			return []wrap.Unwrapper{good("a", algECB, a), good("b", algRSA, a)}
		},
		alg: wrap.AESGCM, err: wrap.ErrNoKey,
	},
	{
		name: "one serves", keys: func(a *[]string) []wrap.Unwrapper {
			return []wrap.Unwrapper{good("a", algECB, a), good("b", algGCM, a)}
		},
		alg: wrap.AESGCM, cek: "b", asked: []string{"b"},
	},
	{name: "first rejects", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{bad("a", algGCM, wrap.ErrUnwrap, a), good("b", algGCM, a), good("c", algGCM, a)}
	}, alg: wrap.AESGCM, cek: "b", asked: []string{"a", "b"}},
	{name: "all reject", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{bad("a", algGCM, wrap.ErrUnwrap, a), good("b", algECB, a), bad("c", algGCM, wrap.ErrUnwrap, a)}
	}, alg: wrap.AESGCM, err: wrap.ErrUnwrap, asked: []string{"a", "c"}},
	{name: "transport fails, another succeeds", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{bad("a", algGCM, errDown, a), good("b", algGCM, a)}
	}, alg: wrap.AESGCM, cek: "b", asked: []string{"a", "b"}},
	{name: "transport fails, another rejects", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{bad("a", algGCM, errDown, a), bad("b", algGCM, wrap.ErrUnwrap, a)}
	}, alg: wrap.AESGCM, err: errDown, asked: []string{"a", "b"}},
	{name: "FIPS refusal passes through", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{bad("a", algGCM, wrap.ErrFIPS, a), bad("b", algGCM, wrap.ErrUnwrap, a)}
	}, alg: wrap.AESGCM, err: wrap.ErrFIPS, asked: []string{"a", "b"}},
}

var keyringByMatDesc = []decision{
	{name: "match goes first", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{good("a", algGCM, a), wrap.Describe(good("b", algGCM, a), md{"k": "2"})}
	}, alg: wrap.AESGCM, md: md{"k": "2", "x": "y"}, cek: "b", asked: []string{"b"}},
	{name: "match rejects, undescribed is tried", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{good("a", algGCM, a), wrap.Describe(bad("b", algGCM, wrap.ErrUnwrap, a), md{"k": "2"})}
	}, alg: wrap.AESGCM, md: md{"k": "2"}, cek: "a", asked: []string{"b", "a"}},
	{name: "disagreement is left out", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{wrap.Describe(good("a", algGCM, a), md{"k": "1"}), wrap.Describe(good("b", algGCM, a), md{"k": "2"})}
	}, alg: wrap.AESGCM, md: md{"k": "2"}, cek: "b", asked: []string{"b"}},
	{name: "all disagree", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{wrap.Describe(good("a", algGCM, a), md{"k": "1"}), wrap.Describe(good("b", algGCM, a), md{"k": "2"})}
	}, alg: wrap.AESGCM, md: md{"k": "3"}, err: wrap.ErrNoKey},
	{name: "one entry agrees, another disagrees", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{wrap.Describe(good("a", algGCM, a), md{"k": "1", "l": "1"})}
	}, alg: wrap.AESGCM, md: md{"k": "1", "l": "2"}, err: wrap.ErrNoKey},
	{name: "object without description", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{wrap.Describe(bad("a", algGCM, wrap.ErrUnwrap, a), md{"k": "1"}), wrap.Describe(good("b", algGCM, a), md{"k": "2"})}
	}, alg: wrap.AESGCM, cek: "b", asked: []string{"a", "b"}},
	{name: "object describes other things", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{wrap.Describe(good("a", algGCM, a), md{"k": "1"})}
	}, alg: wrap.AESGCM, md: md{"owner": "x"}, cek: "a", asked: []string{"a"}},
	{name: "empty description is none", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{wrap.Describe(good("a", algGCM, a), md{}), wrap.Describe(good("b", algGCM, a), md{"k": "2"})}
	}, alg: wrap.AESGCM, md: md{"k": "2"}, cek: "b", asked: []string{"b"}},
	{name: "empty value is a value", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{wrap.Describe(good("a", algGCM, a), md{"k": ""}), good("b", algGCM, a)}
	}, alg: wrap.AESGCM, md: md{"k": "2"}, cek: "b", asked: []string{"b"}},
	{name: "description around description", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{
			good("a", algGCM, a),
			wrap.Describe(wrap.Describe(good("b", algGCM, a), md{"k": "1"}), md{"l": "1"}),
			wrap.Describe(wrap.Describe(good("c", algGCM, a), md{"k": "2"}), md{"l": "1"}),
		}
	}, alg: wrap.AESGCM, md: md{"k": "2", "l": "1"}, cek: "c", asked: []string{"c"}},
	{name: "nested", keys: func(a *[]string) []wrap.Unwrapper {
		old := wrap.NewKeyring(wrap.Describe(good("b", algGCM, a), md{"k": "2"}), wrap.Describe(good("c", algGCM, a), md{"k": "3"}))
		return []wrap.Unwrapper{good("a", algGCM, a), wrap.NewKeyring(old, nil)}
	}, alg: wrap.AESGCM, md: md{"k": "3"}, cek: "c", asked: []string{"c"}},
	{name: "nested, described as a whole", keys: func(a *[]string) []wrap.Unwrapper {
		old := wrap.NewKeyring(good("b", algGCM, a), good("c", algGCM, a))
		return []wrap.Unwrapper{bad("a", algGCM, wrap.ErrUnwrap, a), wrap.Describe(old, md{"k": "1"})}
	}, alg: wrap.AESGCM, md: md{"k": "2"}, err: wrap.ErrUnwrap, asked: []string{"a"}},
	{name: "outer description disagrees", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{wrap.Describe(wrap.Describe(good("a", algGCM, a), md{"l": "1"}), md{"k": "1"})}
	}, alg: wrap.AESGCM, md: md{"k": "2", "l": "1"}, err: wrap.ErrNoKey},
}

var keyringWithoutTrial = []decision{
	{name: "one PKCS#1 key", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{good("a", algGCM, a), good("b", algRSA, a)}
	}, alg: wrap.RSAPKCS1, size: 256, cek: "b", asked: []string{"b"}},
	{name: "two PKCS#1 keys", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{good("a", algRSA, a), good("b", algRSA, a)}
	}, alg: wrap.RSAPKCS1, size: 256, err: wrap.ErrNoKey},
	{name: "two PKCS#1 keys, unnamed", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{good("a", algRSA, a), good("b", algRSA, a)}
	}, alg: wrap.Unnamed, size: 256, err: wrap.ErrNoKey},
	{name: "two PKCS#1 keys, nested apart", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{wrap.NewKeyring(good("a", algRSA, a)), wrap.Describe(wrap.NewKeyring(good("b", algRSA, a)), nil)}
	}, alg: wrap.Unnamed, size: 256, err: wrap.ErrNoKey},
	{name: "two PKCS#1 keys, a pair nested", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{wrap.NewKeyring(good("a", algRSA, a), good("b", algRSA, a)), good("c", algRSA, a)}
	}, alg: wrap.RSAPKCS1, size: 256, err: wrap.ErrNoKey},
	{name: "two PKCS#1 keys, one disagrees", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{wrap.Describe(good("a", algRSA, a), md{"k": "1"}), wrap.Describe(good("b", algRSA, a), md{"k": "2"})}
	}, alg: wrap.RSAPKCS1, size: 256, md: md{"k": "2"}, cek: "b", asked: []string{"b"}},
	{name: "two PKCS#1 keys, one matches", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{good("a", algRSA, a), wrap.Describe(good("b", algRSA, a), md{"k": "2"})}
	}, alg: wrap.Unnamed, size: 256, md: md{"k": "2"}, cek: "b", asked: []string{"b"}},
	{name: "two PKCS#1 keys, the match rejects", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{good("a", algRSA, a), wrap.Describe(bad("b", algRSA, wrap.ErrUnwrap, a), md{"k": "2"})}
	}, alg: wrap.RSAPKCS1, size: 256, md: md{"k": "2"}, err: wrap.ErrUnwrap, asked: []string{"b"}},
	{name: "two PKCS#1 keys, both match", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{wrap.Describe(good("a", algRSA, a), md{"k": "2"}), wrap.Describe(good("b", algRSA, a), md{"k": "2"})}
	}, alg: wrap.RSAPKCS1, size: 256, md: md{"k": "2"}, err: wrap.ErrNoKey},
	{name: "two PKCS#1 keys, object silent", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{wrap.Describe(good("a", algRSA, a), md{"k": "1"}), wrap.Describe(good("b", algRSA, a), md{"k": "2"})}
	}, alg: wrap.RSAPKCS1, size: 256, err: wrap.ErrNoKey},
	{name: "two PKCS#1 keys, object wrapped with AES", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{good("a", algRSA, a), good("b", algECB, a), good("c", algRSA, a)}
	}, alg: wrap.Unnamed, size: 48, cek: "b", asked: []string{"b"}},
	{name: "RSA and AES, unnamed", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{bad("a", algECB, wrap.ErrUnwrap, a), good("b", algRSA, a)}
	}, alg: wrap.Unnamed, size: 256, cek: "b", asked: []string{"a", "b"}},
	{name: "two PKCS#1 keys, other algorithm", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{good("a", algRSA, a), good("b", algRSA, a), good("c", algGCM, a)}
	}, alg: wrap.AESGCM, cek: "c", asked: []string{"c"}},
	{name: "two ECB keys, padded", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{bad("a", algECB, wrap.ErrUnwrap, a), good("b", algECB, a)}
	}, alg: wrap.AESECB, size: 48, cek: "b", asked: []string{"a", "b"}},
	{name: "one ECB key without redundancy", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{good("a", algECB, a), good("b", algGCM, a)}
	}, alg: wrap.AESECB, size: 32, cek: "a", asked: []string{"a"}},
	{name: "two ECB keys without redundancy", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{good("a", algECB, a), good("b", algECB, a)}
	}, alg: wrap.Unnamed, size: 32, err: wrap.ErrNoKey, asked: []string{"a", "b"}},
	{name: "two ECB keys without redundancy, a third rejects", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{good("a", algECB, a), good("b", algECB, a), bad("c", algECB, wrap.ErrUnwrap, a)}
	}, alg: wrap.Unnamed, size: 32, err: wrap.ErrNoKey, asked: []string{"a", "b", "c"}},
	{name: "two ECB keys without redundancy, one matches", keys: func(a *[]string) []wrap.Unwrapper {
		return []wrap.Unwrapper{good("a", algECB, a), wrap.Describe(good("b", algECB, a), md{"k": "2"})}
	}, alg: wrap.AESECB, size: 32, md: md{"k": "2"}, cek: "b", asked: []string{"b", "a"}},
	{name: "two ECB keys, one vouches", keys: func(a *[]string) []wrap.Unwrapper {
		short := good("b", algECB, a)
		short.cek = short.cek[:16]
		return []wrap.Unwrapper{good("a", algECB, a), short, good("c", algECB, a)}
	}, alg: wrap.AESECB, size: 32, cek: "b", asked: []string{"a", "b"}},
}

func TestKeyringDecisions(t *testing.T) {
	for _, d := range slices.Concat(keyringByAlgorithm, keyringByMatDesc, keyringWithoutTrial) {
		t.Run(d.name, func(t *testing.T) {
			var asked []string
			r := wrap.NewKeyring(d.keys(&asked)...)
			size := d.size
			if size == 0 {
				size = 60
			}
			cek, err := r.Unwrap(t.Context(), d.alg, make([]byte, size), wrap.Info{MatDesc: d.md})
			if !errors.Is(err, d.err) || (err != nil) != (d.err != nil) {
				t.Errorf("Unwrap error = %v, want %v", err, d.err)
			}
			if got := strings.TrimRight(string(cek), "."); got != d.cek {
				t.Errorf("Unwrap = %q, want %q", got, d.cek)
			}
			if diff := cmp.Diff(d.asked, asked); diff != "" {
				t.Errorf("keys asked (-want +got):\n%s", diff)
			}
			if kinds := []error{wrap.ErrNoKey, wrap.ErrUnwrap}; err != nil && errors.Is(err, kinds[0]) && errors.Is(err, kinds[1]) {
				t.Errorf("error %v is of both kinds", err)
			}
		})
	}
}

// TestKeyringAmbiguityIsExplained wants the way out in the error.
func TestKeyringAmbiguityIsExplained(t *testing.T) {
	var asked []string
	r := wrap.NewKeyring(good("a", algRSA, &asked), good("b", algRSA, &asked))
	_, err := r.Unwrap(t.Context(), wrap.RSAPKCS1, make([]byte, 256), wrap.Info{})
	if err == nil || !strings.Contains(err.Error(), "2 keys serve RSA-PKCS1-v1.5") || !strings.Contains(err.Error(), "wrap.Describe") {
		t.Errorf("Unwrap error = %v, want it to count the keys and name wrap.Describe", err)
	}
}

func TestKeyringCopiesItsArgument(t *testing.T) {
	var asked []string
	desc := md{"k": "1"}
	keys := []wrap.Unwrapper{wrap.Describe(good("a", algGCM, &asked), desc), good("b", algGCM, &asked)}
	r := wrap.NewKeyring(keys...)
	keys[0], desc["k"] = nil, "2"
	cek, err := r.Unwrap(t.Context(), wrap.AESGCM, make([]byte, 60), wrap.Info{MatDesc: md{"k": "1"}})
	if err != nil || cek[0] != 'a' {
		t.Errorf("Unwrap = %q, %v, want the key a", cek, err)
	}
}

func TestDescribeAlone(t *testing.T) {
	var asked []string
	u := wrap.Describe(good("a", algGCM, &asked), md{"k": "1"})
	for _, c := range []struct {
		md  md
		err error
	}{{nil, nil}, {md{"k": "1"}, nil}, {md{"x": "y"}, nil}, {md{"k": "2"}, wrap.ErrNoKey}} {
		if _, err := u.Unwrap(t.Context(), wrap.AESGCM, make([]byte, 60), wrap.Info{MatDesc: c.md}); !errors.Is(err, c.err) {
			t.Errorf("object %v: Unwrap = %v, want %v", c.md, err, c.err)
		}
	}
	if _, err := wrap.Describe(nil, nil).Unwrap(t.Context(), wrap.AESGCM, nil, wrap.Info{}); !errors.Is(err, wrap.ErrNoKey) {
		t.Errorf("Describe(nil): Unwrap = %v, want %v", err, wrap.ErrNoKey)
	}
}

// TestKeyringRotation is the real thing: three KEKs, objects under each.
func TestKeyringRotation(t *testing.T) {
	info := wrap.Info{ContentAlg: gcmAlg}
	var keys []wrap.Unwrapper
	var objects [][]byte
	for i := range 3 {
		k := mustAESGCM(t, []byte(strings.Repeat(string(rune('a'+i)), 32)))
		keys, objects = append(keys, k), append(objects, mustWrap(t, k, []byte(strings.Repeat(string(rune('0'+i)), 32)), info))
	}
	r := wrap.NewKeyring(keys...)
	for i, wrapped := range objects {
		wantCEK(t, r, wrap.AESGCM, wrapped, info, []byte(strings.Repeat(string(rune('0'+i)), 32)))
		wantRejected(t, wrap.NewKeyring(slices.Delete(slices.Clone(keys), i, i+1)...), wrap.AESGCM, wrapped, info)
	}
}

func TestConcurrentUse(t *testing.T) {
	info := wrap.Info{ContentAlg: gcmAlg, MatDesc: md{"k": "1"}}
	gcm, kw := mustAESGCM(t, make([]byte, 32)), mustAESKeyWrap(t, make([]byte, 32))
	writers := []wrap.Key{gcm, kw}
	keys := []wrap.Unwrapper{wrap.Describe(gcm, md{"k": "1"}), kw}
	if rsa := optionalRSA(t); rsa != nil {
		writers, keys = append(writers, rsa), append(keys, rsa)
	}
	r := wrap.NewKeyring(keys...)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			w := writers[i%len(writers)]
			cek := []byte(strings.Repeat(string(rune('a'+i)), 32))
			for range 20 {
				wrapped, err := w.Wrap(t.Context(), cek, info)
				if err != nil {
					t.Errorf("Wrap(%v) = %v, want nil", w.Algorithm(), err)
					return
				}
				wantCEK(t, r, w.Algorithm(), wrapped, info, cek)
				_ = r.String()
			}
		})
	}
	wg.Wait()
}

// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
)

// parseJSON reads a JSON file into v.
func parseJSON(t testing.TB, data []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}

func readFile(t testing.TB, parts ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// must fails the test for a constructor that cannot fail here.
func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// parsedKey is shared by all tests: parsing checks primality, which is slow.
var parsedKey = sync.OnceValues(func() (*rsa.PrivateKey, error) {
	data, err := os.ReadFile(filepath.Join("testdata", "fixtures", "rsa2048.pem"))
	if err != nil {
		return nil, err
	}
	return parseRSA(data)
})

func parseRSA(data []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("no PEM block")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	return key.(*rsa.PrivateKey), nil
}

func rsaKey(t testing.TB) *rsa.PrivateKey { return must[*rsa.PrivateKey](t)(parsedKey()) }

// kek is the symmetric key of most tests.
var kek = bytes.Repeat([]byte("k"), 32)

// aesKeys is a keyring of all that one AES key can unwrap.
func aesKeys(t testing.TB, kek []byte) wrap.Unwrapper {
	key := must[wrap.Key](t)
	return wrap.NewKeyring(
		key(wrap.NewAESGCM(kek)), key(wrap.NewAESKeyWrap(kek)), key(legacy.NewAESECB(kek)))
}

// rsaKeys is the same for an RSA key.
func rsaKeys(t testing.TB, priv *rsa.PrivateKey) wrap.Unwrapper {
	key := must[wrap.Key](t)
	sha256 := must[wrap.Unwrapper](t)(legacy.NewRSAOAEPSHA256Key(priv))
	return wrap.NewKeyring(key(wrap.NewRSAOAEPKey(priv)), key(legacy.NewRSAPKCS1Key(priv)), sha256)
}

// A counter counts the calls of an Unwrapper.
type counter struct {
	wrap.Unwrapper
	calls int
}

func (c *counter) Unwrap(ctx context.Context, alg wrap.Algorithm, wrapped []byte, info wrap.Info) ([]byte, error) {
	c.calls++
	return c.Unwrapper.Unwrap(ctx, alg, wrapped, info)
}

// A fixedKey is a key whose CEK is given: what a KMS would have answered, or a
// swapped wrapped key. It serves everything and wraps to nonsense.
type fixedKey struct {
	alg wrap.Algorithm
	cek []byte
}

func (k fixedKey) Algorithm() wrap.Algorithm { return k.alg }

func (k fixedKey) Wrap(context.Context, []byte, wrap.Info) ([]byte, error) {
	return bytes.Repeat([]byte("w"), 40), nil
}

func (k fixedKey) Unwrap(context.Context, wrap.Algorithm, []byte, wrap.Info) ([]byte, error) {
	return bytes.Clone(k.cek), nil
}

// A fakeKMS wraps by AES/GCM with the whole context as additional data, as far
// as these tests can tell from the real one.
type fakeKMS struct {
	wrap.Key
	alg wrap.Algorithm
}

func newFakeKMS(t testing.TB, alg wrap.Algorithm) fakeKMS {
	return fakeKMS{must[wrap.Key](t)(wrap.NewAESGCM(kek)), alg}
}

func (k fakeKMS) Algorithm() wrap.Algorithm { return k.alg }

func (k fakeKMS) Wrap(ctx context.Context, cek []byte, info wrap.Info) ([]byte, error) {
	return k.Key.Wrap(ctx, cek, kmsInfo(info))
}

func (k fakeKMS) Unwrap(ctx context.Context, alg wrap.Algorithm, wrapped []byte, info wrap.Info) ([]byte, error) {
	if alg != wrap.KMSContext && alg != wrap.KMSPlain {
		return nil, wrap.ErrNoKey
	}
	return k.Key.Unwrap(ctx, wrap.AESGCM, wrapped, kmsInfo(info))
}

func kmsInfo(info wrap.Info) wrap.Info {
	text, err := json.Marshal(info.MatDesc) // sorted
	if err != nil {
		panic(err)
	}
	return wrap.Info{ContentAlg: string(text)}
}

func decode(s string) ([]byte, error) { return base64.StdEncoding.DecodeString(s) }

func b64of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// An object is what storage holds, and what it should decrypt to.
type object struct {
	meta  map[string]string
	body  []byte
	plain []byte
	file  []byte // its instruction file; nil if the envelope is in meta
}

func (o object) clone() object {
	return object{maps.Clone(o.meta), bytes.Clone(o.body), o.plain, bytes.Clone(o.file)}
}

// header reads the envelope from where it is.
func (o object) header() (*envelope.Header, error) {
	if o.file != nil {
		return envelope.ParseInstructionFile(o.meta, bytes.NewReader(o.file), dare.DARE2)
	}
	return envelope.ParseHeader(o.meta, dare.DARE2)
}

// sealObject makes an object through the public API.
func sealObject(t testing.TB, w wrap.Wrapper, opts *envelope.SealOptions, plain []byte) object {
	t.Helper()
	given := envelope.SealOptions{}
	if opts != nil {
		given = *opts
	}
	given.Empty = len(plain) == 0
	s := must[*envelope.Sealer](t)(envelope.NewSealer(t.Context(), w, &given))
	r := must[io.Reader](t)(s.Reader(bytes.NewReader(plain)))
	body := must[[]byte](t)(io.ReadAll(r))
	return object{meta: must[map[string]string](t)(s.Header().Metadata()), body: body, plain: plain}
}

// open reads a whole object, and returns what was released even on failure.
func (o object) open(ctx context.Context, u wrap.Unwrapper, opts *envelope.OpenOptions) ([]byte, error) {
	h, err := o.header()
	if err != nil {
		return nil, err
	}
	opener, err := envelope.NewOpener(ctx, h, u, opts)
	if err != nil {
		return nil, err
	}
	r, err := opener.Reader(bytes.NewReader(o.body), int64(len(o.body)))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// everything is all options but AllowPlaintext, which nothing here looks at.
func everything() envelope.OpenOptions {
	return envelope.OpenOptions{
		AllowUncommitted:           true,
		AllowLegacyWraps:           true,
		AllowLegacyCBC:             true,
		AllowUnauthenticatedCTR:    true,
		AllowUnauthenticatedRanges: true,
		ExtraSuites:                []envelope.Suite{dare.DARE2},
	}
}

// flags are the fields that decide about a whole object, by name.
func flags(o *envelope.OpenOptions) map[string]*bool {
	return map[string]*bool{
		"AllowUncommitted":        &o.AllowUncommitted,
		"AllowLegacyWraps":        &o.AllowLegacyWraps,
		"AllowLegacyCBC":          &o.AllowLegacyCBC,
		"AllowUnauthenticatedCTR": &o.AllowUnauthenticatedCTR,
	}
}

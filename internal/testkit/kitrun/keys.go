// SPDX-License-Identifier: Apache-2.0

package kitrun

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/s3seal/s3seal/internal/testkit"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
)

// keys count their uses.
type keys struct {
	ring  *wrap.Keyring
	calls int
}

func (k *keys) Unwrap(ctx context.Context, alg wrap.Algorithm, wrapped []byte, info wrap.Info) ([]byte, error) {
	cek, err := k.ring.Unwrap(ctx, alg, wrapped, info)
	if !errors.Is(err, wrap.ErrNoKey) {
		k.calls++
	}
	return cek, err
}

// newKeys returns the keys of the reader.
func newKeys(c *testkit.Case) (*keys, error) {
	var all []wrap.Unwrapper
	for _, k := range c.Keys {
		for _, alg := range k.Algorithms {
			key, err := newKey(alg, k.Secret)
			if err != nil {
				return nil, err
			}
			all = append(all, key)
		}
	}
	return &keys{ring: wrap.NewKeyring(all...)}, nil
}

func newKey(alg string, secret []byte) (wrap.Unwrapper, error) {
	switch alg {
	case testkit.AESGCM:
		return wrap.NewAESGCM(secret)
	case testkit.AESKW:
		return wrap.NewAESKeyWrap(secret)
	case testkit.AESECB:
		return legacy.NewAESECB(secret)
	case testkit.KMSContext:
		return wrap.NewKMS(kms{secret}, keyID)
	case testkit.KMSPlain:
		return legacy.NewKMSPlain(kms{secret}, keyID)
	}
	key, ok := parsed.Load(alg + string(secret))
	if !ok {
		made, err := newRSA(alg, secret)
		if err != nil {
			return nil, err
		}
		key, _ = parsed.LoadOrStore(alg+string(secret), made)
	}
	return key.(wrap.Unwrapper), nil
}

// parsed keeps the keys of RSA: to read one is to look for primes.
var parsed sync.Map

func newRSA(alg string, secret []byte) (wrap.Unwrapper, error) {
	any, err := x509.ParsePKCS8PrivateKey(secret)
	if err != nil {
		return nil, err
	}
	key, ok := any.(*rsa.PrivateKey)
	switch {
	case ok && alg == testkit.RSAOAEPSHA1:
		return wrap.NewRSAOAEPKey(key)
	case ok && alg == testkit.RSAOAEPSHA256:
		return legacy.NewRSAOAEPSHA256Key(key)
	case ok && alg == testkit.RSAPKCS1:
		return legacy.NewRSAPKCS1Key(key)
	}
	return nil, fmt.Errorf("unknown algorithm %s", alg)
}

// keyID is that of the only KMS key there is, whatever an object says.
const keyID = "the key of the reader"

// A kms is the stand-in that the kit describes: a nonce, and AES-256-GCM with
// the encryption context as additional data. It only decrypts.
type kms struct{ key []byte }

func (k kms) Decrypt(_ context.Context, id string, blob []byte, encCtx map[string]string) ([]byte, error) {
	if id != keyID {
		return nil, fmt.Errorf("asked for key %q", id)
	}
	block, err := aes.NewCipher(k.key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil || len(blob) < 12 {
		return nil, wrap.ErrUnwrap
	}
	var aad []byte
	sized := func(s string) { aad = append(binary.BigEndian.AppendUint32(aad, uint32(len(s))), s...) }
	for _, name := range slices.Sorted(maps.Keys(encCtx)) {
		sized(name)
		sized(encCtx[name])
	}
	cek, err := aead.Open(nil, blob[:12], blob[12:], aad)
	if err != nil {
		return nil, wrap.ErrUnwrap
	}
	return cek, nil
}

func (kms) Encrypt(context.Context, string, []byte, map[string]string) ([]byte, error) {
	return nil, errors.ErrUnsupported
}

func (kms) GenerateDataKey(context.Context, string, int, map[string]string) (plain, blob []byte, err error) {
	return nil, nil, errors.ErrUnsupported
}

// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
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
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/internal/testkit"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
)

// kitHeader finds the envelope as a reader of storage does: in the instruction
// file, if it can be nowhere else.
func kitHeader(c *testkit.Case) (*envelope.Header, error) {
	if meta := c.Map(); c.Instruction != nil && envelope.NeedsInstructionFile(meta) {
		return envelope.ParseInstructionFile(meta, bytes.NewReader(c.Instruction), dare.DARE2)
	}
	return envelope.ParseHeader(c.Map(), dare.DARE2)
}

// kitOptions allow what the case does.
func kitOptions(c *testkit.Case, release envelope.Release) *envelope.OpenOptions {
	o := &envelope.OpenOptions{
		AllowUncommitted:           c.Allows(testkit.Uncommitted),
		AllowLegacyWraps:           c.Allows(testkit.LegacyWraps),
		AllowLegacyCBC:             c.Allows(testkit.LegacyCBC),
		AllowUnauthenticatedCTR:    c.Allows(testkit.Unauthenticated),
		AllowUnauthenticatedRanges: c.Allows(testkit.Ranges),
		RequireBound:               c.Allows(testkit.RequireBound),
		ContentAAD:                 c.ContentAAD,
		Release:                    release,
		ExtraSuites:                []envelope.Suite{dare.DARE2},
	}
	if c.Bind != nil {
		o.Bind = envelope.Binding{Bucket: c.Bind.Bucket, Key: c.Bind.Key}
	}
	return o
}

func kitOther(err error) testkit.Outcome {
	switch {
	case errors.Is(err, wrap.ErrNoKey):
		return testkit.NoKey
	case errors.Is(err, stream.ErrRange):
		return testkit.BadRange
	}
	return testkit.Outcome("error: " + err.Error())
}

// A kitCounter counts the uses of keys that serve the wrap.
type kitCounter struct {
	keys  wrap.Unwrapper
	calls int
}

func (c *kitCounter) Unwrap(ctx context.Context, alg wrap.Algorithm, wrapped []byte, info wrap.Info) ([]byte, error) {
	cek, err := c.keys.Unwrap(ctx, alg, wrapped, info)
	if !errors.Is(err, wrap.ErrNoKey) {
		c.calls++
	}
	return cek, err
}

// kitRSA keeps what x509 has parsed: it looks for primes each time.
var kitRSA sync.Map

// kitKeys are the keys of the reader.
func kitKeys(t testing.TB, c *testkit.Case) *wrap.Keyring {
	t.Helper()
	var all []wrap.Unwrapper
	for _, k := range c.Keys {
		for _, alg := range k.Algorithms {
			all = append(all, must[wrap.Unwrapper](t)(kitKey(alg, k.Secret)))
		}
	}
	return wrap.NewKeyring(all...)
}

func kitKey(alg string, secret []byte) (wrap.Unwrapper, error) {
	switch alg {
	case testkit.AESGCM:
		return wrap.NewAESGCM(secret)
	case testkit.AESKW:
		return wrap.NewAESKeyWrap(secret)
	case testkit.AESECB:
		return legacy.NewAESECB(secret)
	case testkit.KMSContext:
		return wrap.NewKMS(kitKMS{secret}, kitKeyID)
	case testkit.KMSPlain:
		return legacy.NewKMSPlain(kitKMS{secret}, kitKeyID)
	}
	priv, ok := kitRSA.Load(string(secret))
	if !ok {
		parsed, err := x509.ParsePKCS8PrivateKey(secret)
		if err != nil {
			return nil, err
		}
		priv, _ = kitRSA.LoadOrStore(string(secret), parsed)
	}
	switch key := priv.(*rsa.PrivateKey); alg {
	case testkit.RSAOAEPSHA1:
		return wrap.NewRSAOAEPKey(key)
	case testkit.RSAOAEPSHA256:
		return legacy.NewRSAOAEPSHA256Key(key)
	case testkit.RSAPKCS1:
		return legacy.NewRSAPKCS1Key(key)
	}
	return nil, fmt.Errorf("unknown algorithm %s", alg)
}

// kitKeyID is the only KMS key there is, whatever an object says.
const kitKeyID = "the key of the reader"

// A kitKMS is the stand-in that the kit describes: a nonce, and AES-256-GCM with
// the encryption context as additional data. It only decrypts.
type kitKMS struct{ key []byte }

func (k kitKMS) Decrypt(_ context.Context, keyID string, blob []byte, encCtx map[string]string) ([]byte, error) {
	if keyID != kitKeyID {
		return nil, fmt.Errorf("asked for key %q", keyID)
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
	for _, name := range slices.Sorted(maps.Keys(encCtx)) {
		aad = append(binary.BigEndian.AppendUint32(aad, uint32(len(name))), name...)
		aad = append(binary.BigEndian.AppendUint32(aad, uint32(len(encCtx[name]))), encCtx[name]...)
	}
	cek, err := aead.Open(nil, blob[:12], blob[12:], aad)
	if err != nil {
		return nil, wrap.ErrUnwrap
	}
	return cek, nil
}

func (kitKMS) Encrypt(context.Context, string, []byte, map[string]string) ([]byte, error) {
	return nil, errors.ErrUnsupported
}

func (kitKMS) GenerateDataKey(context.Context, string, int, map[string]string) (plain, blob []byte, err error) {
	return nil, nil, errors.ErrUnsupported
}

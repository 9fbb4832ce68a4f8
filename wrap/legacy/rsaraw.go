// SPDX-License-Identifier: Apache-2.0

package legacy

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"math/big"

	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/internal/rsakey"
)

const (
	rawName    = "RSA without padding"
	rawCEKSize = 32
)

type rsaRawKey struct {
	label
	priv   *rsa.PrivateKey
	reject *rejection
}

// NewInsecureRSARawKey returns a key that unwraps textbook RSA: the CEK as a
// number, without any padding. Objects of format V1 that one Java client wrote on
// a platform with other defaults than its authors', Android among them, are
// wrapped so. It serves [wrap.RSARaw] and [wrap.Unnamed].
//
// It is insecure in every respect but the one that it reads those objects.
// Nothing is checked, equal CEKs have equal wrapped keys, and products of wrapped
// keys are wrapped keys. math/big, which computes it, does not take constant
// time; the base is blinded, which makes that hard to use and not impossible.
// Use it for moving such objects elsewhere, with a private key that unwraps
// nothing else.
//
// As with [NewRSAPKCS1Key], Unwrap does not say whether there was a CEK. Telling
// that a number is small would let anyone who can ask often enough decrypt
// whatever was ever encrypted to this RSA key, with good padding too (Manger's
// attack). Instead of an error it returns a CEK that nobody can predict, always
// the same for the same wrapped key, and the content, where it has a tag, fails
// to open. The error is [wrap.ErrUnwrap] only for what everyone can see: a
// wrapped key of another length than the modulus, or a number that is not below
// it.
//
// CEKs are 32 bytes long. Numbers below 2^256 are padded with zeros on the left;
// 16-byte and 24-byte CEKs cannot be told from those.
//
// In a [wrap.Keyring] it counts as a key for RSA PKCS#1 v1.5, from which objects
// cannot tell it apart: two of them need descriptions ([wrap.Describe]). Asked
// for [wrap.RSAPKCS1] it rejects everything.
//
// The modulus has 1024 to 16384 bits; the key is copied. There is no way to wrap.
// In FIPS 140-only mode NewInsecureRSARawKey and Unwrap fail with [wrap.ErrFIPS].
// The key is safe for concurrent use.
func NewInsecureRSARawKey(priv *rsa.PrivateKey) (wrap.Unwrapper, error) {
	if err := checkMode(rawName); err != nil {
		return nil, err
	}
	priv, err := rsakey.ClonePrivate("wrap/legacy", priv)
	if err != nil {
		return nil, err
	}
	l := label(fmt.Sprintf("legacy.InsecureRSARaw(%d-bit)", priv.N.BitLen()))
	return &rsaRawKey{l, priv, newRejection(priv)}, nil
}

func (k *rsaRawKey) Unwrap(_ context.Context, alg wrap.Algorithm, wrapped []byte, _ wrap.Info) ([]byte, error) {
	switch alg {
	case wrap.RSARaw, wrap.Unnamed:
	case wrap.RSAPKCS1:
		return nil, wrap.ErrUnwrap // so that a Keyring counts it among those
	default:
		return nil, notServed(k.label, alg)
	}
	if err := checkMode(rawName); err != nil {
		return nil, err
	}
	c := new(big.Int).SetBytes(wrapped)
	if len(wrapped) != k.priv.Size() || c.Cmp(k.priv.N) >= 0 {
		return nil, wrap.ErrUnwrap
	}
	m, err := k.decrypt(c)
	if err != nil {
		return nil, err
	}
	defer clear(m)
	return k.choose(wrapped, m), nil
}

// choose returns the end of m if all before it is zero, else the stand-in, and
// takes the same steps in both cases.
func (k *rsaRawKey) choose(wrapped, m []byte) []byte {
	mac := hmac.New(sha256.New, k.reject.key)
	mac.Write(wrapped)
	cek := mac.Sum(nil) // 32 bytes, rawCEKSize
	var high byte
	for _, b := range m[:len(m)-rawCEKSize] {
		high |= b
	}
	subtle.ConstantTimeCopy(subtle.ConstantTimeByteEq(high, 0), cek, m[len(m)-rawCEKSize:])
	return cek
}

// decrypt returns c^d mod N, as long as the modulus. c is multiplied by r^e for
// a random r, and the result divided by r, so that nobody chooses the number
// whose power is computed.
func (k *rsaRawKey) decrypt(c *big.Int) ([]byte, error) {
	n := k.priv.N
	for {
		r, err := rand.Int(rand.Reader, n)
		if err != nil {
			return nil, fmt.Errorf("wrap/legacy: %s: %w", rawName, err)
		}
		inverse := new(big.Int).ModInverse(r, n)
		if inverse == nil {
			continue // zero, or a multiple of a prime of N
		}
		blinded := new(big.Int).Exp(r, big.NewInt(int64(k.priv.E)), n)
		blinded.Mod(blinded.Mul(blinded, c), n)
		m := blinded.Exp(blinded, k.priv.D, n)
		m.Mod(m.Mul(m, inverse), n)
		return m.FillBytes(make([]byte, k.priv.Size())), nil
	}
}

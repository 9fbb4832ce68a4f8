// SPDX-License-Identifier: Apache-2.0

package legacy

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"

	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/internal/rsakey"
)

const (
	pkcs1Name    = "RSA PKCS#1 v1.5"
	pkcs1CEKSize = 32
)

type rsaPKCS1 struct {
	label
	pub *rsa.PublicKey
}

type rsaPKCS1Key struct {
	rsaPKCS1
	priv   *rsa.PrivateKey
	reject *rejection
}

// A rejection holds the key of the stand-ins for rejected CEKs, behind a
// pointer: in a struct of somebody else's, where fmt does not ask the key how
// it wants to be shown, it finds an address there and not bytes.
type rejection struct{ key []byte }

// NewRSAPKCS1 returns a wrapper for the holder of the private key: RSAES-PKCS1
// v1.5 (RFC 8017, section 7.2) of the bare CEK, the wrap of format V1 for an RSA
// key. Use it only for a reader that knows nothing else; [wrap.NewRSAOAEP] is
// its successor.
//
// It binds the CEK to nothing, and everyone has the public key.
//
// The modulus has 2048 to 16384 bits; the key is copied. The wrapped key is as
// long as the modulus. CEKs are 32 bytes long, since Unwrap reads no other. In
// FIPS 140-only mode NewRSAPKCS1 and Wrap fail with [wrap.ErrFIPS].
// The wrapper is safe for concurrent use.
func NewRSAPKCS1(pub *rsa.PublicKey) (wrap.Wrapper, error) {
	if err := cmp.Or(checkMode(pkcs1Name), rsakey.CheckPublic("wrap/legacy", pub)); err != nil {
		return nil, err
	}
	return &rsaPKCS1{label(fmt.Sprintf("legacy.RSAPKCS1(%d-bit public)", pub.N.BitLen())), rsakey.ClonePublic(pub)}, nil
}

// NewRSAPKCS1Key returns the key that unwraps what [NewRSAPKCS1] wraps, and
// wraps the same way. It serves [wrap.RSAPKCS1] and [wrap.Unnamed].
//
// Unwrap does not say whether the padding was right, which would let anyone who
// can ask often enough decrypt any wrapped key (Bleichenbacher's attack).
// Instead of an error it returns a CEK that nobody can predict, always the same
// for the same wrapped key, and the content fails to open. The error is
// [wrap.ErrUnwrap] only for what everyone can see: a wrapped key of another
// length than the modulus, or a number that is not below it. With CBC content,
// which has no tag, the CEK of a wrong key may go unnoticed.
//
// CEKs are 32 bytes long; one of 16 or 24 bytes, which no known client wraps
// this way, counts as wrong padding.
//
// The modulus has 1024 to 16384 bits; Wrap refuses one under 2048 bits. The key
// is copied and must have its primes. In FIPS 140-only mode NewRSAPKCS1Key, Wrap
// and Unwrap fail with [wrap.ErrFIPS]. The key is safe for concurrent use.
func NewRSAPKCS1Key(priv *rsa.PrivateKey) (wrap.Key, error) {
	if err := checkMode(pkcs1Name); err != nil {
		return nil, err
	}
	priv, err := rsakey.ClonePrivate("wrap/legacy", priv)
	if err != nil {
		return nil, err
	}
	l := label(fmt.Sprintf("legacy.RSAPKCS1(%d-bit)", priv.N.BitLen()))
	return &rsaPKCS1Key{rsaPKCS1{l, &priv.PublicKey}, priv, newRejection(priv)}, nil
}

func (w *rsaPKCS1) Algorithm() wrap.Algorithm { return wrap.RSAPKCS1 }

func (w *rsaPKCS1) Wrap(_ context.Context, cek []byte, _ wrap.Info) ([]byte, error) {
	if err := cmp.Or(checkMode(pkcs1Name), rsakey.CheckPublic("wrap/legacy", w.pub)); err != nil {
		return nil, err
	}
	if len(cek) != pkcs1CEKSize {
		return nil, fmt.Errorf("wrap/legacy: CEK: want %d bytes, got %d", pkcs1CEKSize, len(cek))
	}
	//lint:ignore SA1019 the format prescribes it
	wrapped, err := rsa.EncryptPKCS1v15(rand.Reader, w.pub, cek)
	if err != nil {
		return nil, fmt.Errorf("wrap/legacy: %s: %w", pkcs1Name, err)
	}
	return wrapped, nil
}

func (k *rsaPKCS1Key) Unwrap(_ context.Context, alg wrap.Algorithm, wrapped []byte, _ wrap.Info) ([]byte, error) {
	if alg != wrap.RSAPKCS1 && alg != wrap.Unnamed {
		return nil, notServed(k.label, alg)
	}
	if err := checkMode(pkcs1Name); err != nil {
		return nil, err
	}
	if len(wrapped) != k.priv.Size() {
		return nil, wrap.ErrUnwrap
	}
	cek := k.standIn(wrapped)
	//lint:ignore SA1019 the one safe way to read what the format prescribes
	if err := rsa.DecryptPKCS1v15SessionKey(nil, k.priv, wrapped, cek); err != nil {
		return nil, wrap.ErrUnwrap // not below the modulus; padding is no error here
	}
	return cek, nil
}

// standIn returns the CEK for a wrapped key with wrong padding. It is a function
// of the wrapped key and not random: an answer that changed from one call to the
// next would itself tell that the padding was wrong, for example by CBC content
// that unpads on one try and not on another.
func (k *rsaPKCS1Key) standIn(wrapped []byte) []byte {
	mac := hmac.New(sha256.New, k.reject.key)
	mac.Write(wrapped)
	return mac.Sum(nil) // 32 bytes, pkcs1CEKSize
}

// newRejection derives the key of the stand-ins from the private exponent, so
// that they are the same in every process that holds the key.
func newRejection(priv *rsa.PrivateKey) *rejection {
	d := priv.D.Bytes()
	defer clear(d)
	mac := hmac.New(sha256.New, d)
	mac.Write([]byte("s3seal RSA PKCS#1 v1.5 implicit rejection"))
	return &rejection{mac.Sum(nil)}
}

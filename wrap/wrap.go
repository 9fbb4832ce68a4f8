// SPDX-License-Identifier: Apache-2.0

// Package wrap protects content keys (CEKs) with key-encryption keys (KEKs).
//
// A [Wrapper] turns a CEK into the wrapped key that an object's metadata
// carries, an [Unwrapper] turns it back. A public key can only wrap; a [Key]
// does both. A [Keyring] is several unwrappers, which is what key rotation
// needs.
//
// # Which wrap
//
//	AES/GCM        NewAESGCM       the default for a symmetric KEK; binds the content algorithm
//	RSA-OAEP-SHA1  NewRSAOAEP      the default for an RSA key; binds the content algorithm
//	kms+context    NewKMS          a KEK that stays in a KMS; binds the content algorithm
//	AESWrap        NewAESKeyWrap   RFC 3394; older clients; binds nothing
//
// The wraps that should only ever be read are in package wrap/legacy, so that
// importing it is a decision that can be seen and searched for.
//
// # The bytes
//
// A CEK has n = 16, 24 or 32 bytes. Wrapped it is
//
//	AES/GCM         offset   0       12           12+n
//	                         nonce   ciphertext   tag
//	                size     12      n            16          additional data: the content algorithm
//
//	AESWrap         offset   0       8
//	                         A       R1 … R(n/8)
//	                size     8       n                         A begins as A6 A6 A6 A6 A6 A6 A6 A6
//
//	RSA-OAEP-SHA1   offset   0
//	                         RSA of 00 || masked seed || masked data
//	                size     as the modulus: 256 for 2048 bits
//
//	kms+context     what the service makes of it, longer than n
//
// The payload in the masked data of RSA-OAEP-SHA1 is not the CEK alone:
//
//	offset   0   1     1+n
//	         n   CEK   content algorithm
//	size     1   n     3 ("115") to 20 ("AES/CBC/PKCS5Padding")
//
// Sources: S3 Encryption Client, "Content Metadata"; RFC 3394, section 2.2;
// RFC 8017, section 7.1.
//
// # What keys have in common
//
// Keys of this package and of wrap/legacy copy the key material that they are
// made from, never print it (fmt and log/slog show the kind and the size), and
// in FIPS 140-only mode refuse with [ErrFIPS] what that mode forbids.
//
// Package wrap knows nothing of metadata names, objects or storage, and needs
// the standard library only.
//
// # What was rejected
//
// One function that takes the name of an algorithm and a key of any type, and a
// registry that packages enter themselves into: what a program can unwrap should
// show in what it calls. The layers of AWS's clients (keyrings that generate and
// decrypt, materials managers, caches of those): [Wrapper], [Keyring] and [Cache]
// carry the same features.
//
// The metadata of an object as an argument: a wrap that can look at it can be
// fooled by it. It gets the two things that it may bind, in [Info].
//
// RSA PKCS #1 v1.5 by trial, one key after the other: it never says that a key is
// the wrong one, and where it does it is an oracle. RFC 5649, which pads keys of
// any length: no format has it, and its check has 32 bits.
package wrap

import (
	"context"
	"errors"
)

// An Algorithm names a way of wrapping a CEK. It is a value of this package,
// not a wire code: package envelope maps it to the texts of format V2 and the
// codes of format V3.
type Algorithm uint8

// The algorithms. Only those that bind the content algorithm keep an object from
// being relabelled.
const (
	// Unnamed stands for metadata that names no algorithm: all of format V1
	// and a few objects of format V2. The type of the key decides: AES-ECB
	// for an AES key, PKCS#1 v1.5 for an RSA key.
	Unnamed Algorithm = iota

	AESGCM        // AES/GCM with the content algorithm as AAD
	AESKW         // RFC 3394, called AESWrap on the wire
	RSAOAEPSHA1   // RSA-OAEP, SHA-1 and MGF1-SHA-1, of len(CEK) || CEK || content algorithm
	RSAOAEPSHA256 // RSA-OAEP, SHA-256, of the bare CEK; MGF1-SHA-1 or MGF1-SHA-256
	KMSContext    // AWS KMS with an encryption context that binds the content algorithm
	KMSPlain      // AWS KMS as the oldest clients used it; binds nothing
	AESECB        // AES-ECB with PKCS#7; binds nothing, authenticates nothing
	RSAPKCS1      // RSA PKCS#1 v1.5; binds nothing
	RSARaw        // textbook RSA without padding
)

var algorithmNames = [...]string{
	Unnamed:       "unnamed",
	AESGCM:        "AES/GCM",
	AESKW:         "AESWrap",
	RSAOAEPSHA1:   "RSA-OAEP-SHA1",
	RSAOAEPSHA256: "RSA-OAEP-SHA256",
	KMSContext:    "kms+context",
	KMSPlain:      "kms",
	AESECB:        "AES-ECB",
	RSAPKCS1:      "RSA-PKCS1-v1.5",
	RSARaw:        "RSA-raw",
}

// String returns a name for people and logs. It is not the wire text.
func (a Algorithm) String() string {
	if int(a) < len(algorithmNames) {
		return algorithmNames[a]
	}
	return "unknown"
}

// Info is what a wrap may bind the CEK to: it becomes additional data of
// AES/GCM, part of the payload of RSA-OAEP-SHA1, and the encryption context of
// a KMS. Unwrapping needs the same Info.
type Info struct {
	// ContentAlg is the wire text of the content algorithm, for example
	// "AES/GCM/NoPadding" in format V2 or "115" in format V3.
	ContentAlg string

	// MatDesc is the materials description stored with the object. For raw
	// keys it is an unauthenticated hint about which key to use.
	MatDesc map[string]string
}

// A Wrapper encrypts CEKs under one KEK.
//
// Implementations must be safe for concurrent use and must not retain or
// modify cek or info.
type Wrapper interface {
	// Algorithm returns the algorithm that Wrap uses.
	Algorithm() Algorithm

	// Wrap returns the wrapped form of cek.
	Wrap(ctx context.Context, cek []byte, info Info) (wrapped []byte, err error)
}

// An Unwrapper recovers CEKs.
//
// Implementations must be safe for concurrent use and must not retain or
// modify wrapped or info. The caller owns the returned CEK and may clear it.
//
// The error is one of two kinds: it wraps [ErrNoKey] when this key does not
// serve alg at all (decided before wrapped is looked at), and [ErrUnwrap] when
// wrapped was rejected. Anything else, such as a failed connection to a KMS or
// [ErrFIPS], is passed through.
//
// A [Keyring] may ask with an empty wrapped key whether [RSAPKCS1] is served.
type Unwrapper interface {
	// Unwrap returns the CEK in wrapped, which alg has wrapped and bound to info.
	Unwrap(ctx context.Context, alg Algorithm, wrapped []byte, info Info) (cek []byte, err error)
}

// A Key can wrap and unwrap. What Wrapper and Unwrapper ask of implementations
// holds here too, that they are safe for concurrent use above all.
type Key interface {
	Wrapper
	Unwrapper
}

// ErrUnwrap says that a wrapped key was rejected. It is deliberately vague:
// wrong key, altered bytes and wrong binding cannot be told apart.
var ErrUnwrap = errors.New("wrap: cannot unwrap key")

// ErrNoKey says that no key at hand serves the algorithm (or, in a [Keyring],
// the materials description) of the object.
var ErrNoKey = errors.New("wrap: no key for this object")

// ErrFIPS says that the process runs with GODEBUG=fips140=only and that the
// key needs a primitive which that mode forbids. It is decided before the key
// or any input is used.
var ErrFIPS = errors.New("wrap: not allowed in FIPS 140-only mode")

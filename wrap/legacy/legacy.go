// SPDX-License-Identifier: Apache-2.0

// Package legacy holds the key wraps that should only be read: those of format
// V1 and of the oldest clients that write format V2. Importing it is the
// decision to accept them.
//
//	AES-ECB                    NewAESECB             format V1, symmetric KEK; V2 to read
//	RSA PKCS#1 v1.5            NewRSAPKCS1Key        format V1, RSA key; V2 to read
//	RSA-OAEP-SHA256            NewRSAOAEPSHA256Key   format V2, read only
//	kms                        NewKMSPlain           format V2, KMS key
//	RSA without padding        NewInsecureRSARawKey  formats V1 and V2, read only
//
// # The bytes
//
// A CEK of n = 16, 24 or 32 bytes is wrapped as
//
//	AES-ECB                  AES of CEK || padding               n+16, or n+8 for n = 24
//	RSA PKCS#1 v1.5          RSA of 00 || 02 || random || 00 || CEK      as the modulus
//	RSA-OAEP-SHA256          RSA of 00 || masked seed || masked CEK      as the modulus
//	kms                      what the service makes of it
//	RSA without padding      RSA of 00 … 00 || CEK                       as the modulus
//
// with the padding of PKCS #7, which one client is said to leave out.
//
// # What they promise
//
// None of them binds the CEK to the content algorithm, so whoever can write an
// object can relabel its content; AES-ECB does not even protect the wrapped key
// against changes. A KEK that wraps this way should wrap no other way.
//
// In FIPS 140-only mode all keys of this package refuse to be made or used, with
// an error that wraps [wrap.ErrFIPS]; but not those of [NewKMSPlain], where the
// KMS does the work.
//
// # What was rejected
//
// A flag of package wrap that lets all of them in: an import is seen by who reads
// the code, and can be forbidden by a linter. To guess the wrap from the length of
// the wrapped key, as one client does: the key of the caller decides.
//
// A random stand-in for the CEK of a wrong PKCS #1 v1.5 padding: an answer that
// changes between two calls tells that the padding was wrong. It is derived from
// the wrapped key and the private exponent.
package legacy

import (
	"crypto/fips140"
	"fmt"
	"log/slog"

	"github.com/s3seal/s3seal/wrap"
)

// A label is the only thing that a key type shows of itself. Key types embed
// it: without these methods fmt would walk into the struct by reflection, and
// an AES key schedule begins with the key. Package wrap has the same one: a type of
// a package that both share would be an exported field of every key.
type label string

func (l label) String() string { return string(l) }

func (l label) GoString() string { return string(l) }

func (l label) LogValue() slog.Value { return slog.StringValue(string(l)) }

// Format covers the verbs for which fmt does not ask String, such as %d.
func (l label) Format(f fmt.State, verb rune) {
	if verb == 'v' {
		verb = 's' // %+v and %#v too
	}
	fmt.Fprintf(f, "%"+string(verb), string(l))
}

func isAESKeySize(n int) bool {
	return n == 16 || n == 24 || n == 32
}

func checkCEK(cek []byte) error {
	if !isAESKeySize(len(cek)) {
		return fmt.Errorf("wrap/legacy: CEK: want 16, 24 or 32 bytes, got %d", len(cek))
	}
	return nil
}

// notServed is what a key answers to an algorithm that is not its own.
func notServed(l label, alg wrap.Algorithm) error {
	return fmt.Errorf("%w: %s does not serve %v", wrap.ErrNoKey, string(l), alg)
}

// checkMode comes before the primitive: crypto/rsa refuses without a type or
// panics, and AES-ECB, which crypto/aes cannot recognise, is ours to refuse.
func checkMode(what string) error {
	if fips140.Enforced() {
		return fmt.Errorf("%w: %s", wrap.ErrFIPS, what)
	}
	return nil
}

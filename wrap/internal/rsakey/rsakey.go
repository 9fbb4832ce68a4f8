// SPDX-License-Identifier: Apache-2.0

// Package rsakey checks and copies RSA keys for the packages that wrap by them.
// Errors begin with the name of the package that asks.
package rsakey

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
)

// Sizes of RSA moduli in bits. Old objects may hang on 1024-bit keys, so they
// can still be read; nothing new should. The upper limit bounds the work that
// one operation can cause.
const (
	minReadBits  = 1024
	minWriteBits = 2048
	maxBits      = 16384
)

// CheckPublic checks that pub may be written with, for the package of that name.
func CheckPublic(name string, pub *rsa.PublicKey) error {
	return check(name, pub, minWriteBits)
}

func check(name string, pub *rsa.PublicKey, minBits int) error {
	if pub == nil || pub.N == nil {
		return errors.New(name + ": RSA key: missing modulus")
	}
	if n := pub.N.BitLen(); n < minBits || n > maxBits {
		return fmt.Errorf("%s: RSA key: want %d to %d bits, got %d", name, minBits, maxBits, n)
	}
	if pub.E < 3 || pub.E%2 == 0 {
		return fmt.Errorf("%s: RSA key: want an odd public exponent from 3 on, got %d", name, pub.E)
	}
	return nil
}

// ClonePublic copies pub.
func ClonePublic(pub *rsa.PublicKey) *rsa.PublicKey {
	return &rsa.PublicKey{N: new(big.Int).Set(pub.N), E: pub.E}
}

// ClonePrivate checks priv and copies it. The copy is precomputed here, once,
// so that Unwrap only reads it.
func ClonePrivate(name string, priv *rsa.PrivateKey) (*rsa.PrivateKey, error) {
	if priv == nil {
		return nil, errors.New(name + ": RSA key: missing private key")
	}
	if err := check(name, &priv.PublicKey, minReadBits); err != nil {
		return nil, err
	}
	c := &rsa.PrivateKey{PublicKey: *ClonePublic(&priv.PublicKey)}
	if priv.D != nil {
		c.D = new(big.Int).Set(priv.D)
	}
	for _, p := range priv.Primes {
		if p == nil {
			return nil, errors.New(name + ": RSA key: missing prime")
		}
		c.Primes = append(c.Primes, new(big.Int).Set(p))
	}
	c.Precompute()
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("%s: RSA key: %w", name, err)
	}
	return c, nil
}

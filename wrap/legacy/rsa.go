// SPDX-License-Identifier: Apache-2.0

package legacy

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
)

// Sizes of RSA moduli in bits, as in package wrap: old objects may hang on
// 1024-bit keys, nothing new should, and the upper limit bounds the work that
// one operation can cause.
const (
	rsaMinReadBits  = 1024
	rsaMinWriteBits = 2048
	rsaMaxBits      = 16384
)

func checkRSAPublic(pub *rsa.PublicKey, minBits int) error {
	if pub == nil || pub.N == nil {
		return errors.New("wrap/legacy: RSA key: missing modulus")
	}
	if n := pub.N.BitLen(); n < minBits || n > rsaMaxBits {
		return fmt.Errorf("wrap/legacy: RSA key: want %d to %d bits, got %d", minBits, rsaMaxBits, n)
	}
	if pub.E < 3 || pub.E%2 == 0 {
		return fmt.Errorf("wrap/legacy: RSA key: want an odd public exponent from 3 on, got %d", pub.E)
	}
	return nil
}

func cloneRSAPublic(pub *rsa.PublicKey) *rsa.PublicKey {
	return &rsa.PublicKey{N: new(big.Int).Set(pub.N), E: pub.E}
}

// cloneRSAPrivate checks priv and copies it. The copy is precomputed here, once,
// so that Unwrap only reads it.
func cloneRSAPrivate(priv *rsa.PrivateKey) (*rsa.PrivateKey, error) {
	if priv == nil {
		return nil, errors.New("wrap/legacy: RSA key: missing private key")
	}
	if err := checkRSAPublic(&priv.PublicKey, rsaMinReadBits); err != nil {
		return nil, err
	}
	c := &rsa.PrivateKey{PublicKey: *cloneRSAPublic(&priv.PublicKey)}
	if priv.D != nil {
		c.D = new(big.Int).Set(priv.D)
	}
	for _, p := range priv.Primes {
		if p == nil {
			return nil, errors.New("wrap/legacy: RSA key: missing prime")
		}
		c.Primes = append(c.Primes, new(big.Int).Set(p))
	}
	c.Precompute()
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("wrap/legacy: RSA key: %w", err)
	}
	return c, nil
}

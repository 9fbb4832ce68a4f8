// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
)

// A key is the content of a key file: an AES key, or an RSA key of which the
// private half may be missing. Or it is one that a KMS keeps for itself.
type key struct {
	spec keySpec
	aes  []byte
	priv *rsa.PrivateKey
	pub  *rsa.PublicKey
	kms  wrap.KMS
}

// maxKeyFile is more than a PEM file of 16384 bits with all its comments.
const maxKeyFile = 64 << 10

// loadKey reads the file of spec, or finds the way to the KMS, for which
// region is the flag. A secret that others can read is worth a warning, not a
// refusal: the fault lies in the past.
func (a *app) loadKey(spec keySpec, region text) (*key, error) {
	if !spec.isFile() {
		client, err := a.openKMS(spec.path, region)
		return &key{spec: spec, kms: client}, err
	}
	data, err := readSmallFile(spec.path, maxKeyFile)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", spec.text, err)
	}
	k := &key{spec: spec}
	if spec.scheme == keyRSA || spec.scheme == keyRSARaw {
		k.priv, k.pub, err = parseRSAKey(data)
	} else {
		k.aes, err = parseAESKey(data, spec.scheme)
	}
	clear(data)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", spec.text, err)
	}
	if k.priv != nil {
		k.pub = &k.priv.PublicKey
	}
	if k.aes != nil || k.priv != nil {
		a.warnReadable(spec.path)
	}
	return k, nil
}

// warnReadable warns of a key file that other users can read.
func (a *app) warnReadable(path string) {
	if runtime.GOOS == "windows" { // its mode bits say nothing
		return
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o044 == 0 {
		return
	}
	a.warn("warning: key file %s can be read by others (mode %04o); chmod 600 it", path, info.Mode().Perm())
}

// loadKeyring reads all keys into one keyring for reading. Every key serves
// all the wraps that its type can: which of them are acceptable is decided by
// policy, before any key is used.
func (a *app) loadKeyring(args []text, f contextFlags, region text) (*wrap.Keyring, error) {
	specs, err := parseKeySpecs(args)
	if err != nil {
		return nil, err
	}
	if err := f.check(specs); err != nil {
		return nil, err
	}
	var all []wrap.Unwrapper
	for _, spec := range specs {
		k, err := a.loadKey(spec, region)
		if err != nil {
			return nil, err
		}
		us, err := k.unwrappers(f)
		if err != nil {
			return nil, usagef("key %s: %w", spec.text, err)
		}
		all = append(all, us...)
	}
	return wrap.NewKeyring(all...), nil
}

// unwrappers returns one unwrapper for each wrap that the key can undo.
func (k *key) unwrappers(f contextFlags) ([]wrap.Unwrapper, error) {
	var us []wrap.Unwrapper
	var err error
	switch {
	case k.spec.scheme == keySidecar:
		return k.sidecarUnwrappers(f)
	case k.aes != nil:
		us, err = aesUnwrappers(k.aes)
	case k.kms != nil:
		if us, err = kmsUnwrappers(k.kms, k.spec.path); err == nil {
			us, err = f.require(k, us)
		}
	case k.priv != nil && k.spec.scheme == keyRSARaw:
		us, err = rsaRawUnwrappers(k.priv)
	case k.priv != nil:
		us, err = rsaUnwrappers(k.priv)
	default:
		return nil, usagef("a public key can only seal: want the private key")
	}
	if err != nil || len(k.spec.matdesc) == 0 {
		return us, err
	}
	for i, u := range us {
		us[i] = wrap.Describe(u, k.spec.matdesc)
	}
	return us, nil
}

func aesUnwrappers(kek []byte) ([]wrap.Unwrapper, error) {
	gcm, err1 := wrap.NewAESGCM(kek)
	kw, err2 := wrap.NewAESKeyWrap(kek)
	ecb, err3 := legacy.NewAESECB(kek)
	return []wrap.Unwrapper{gcm, kw, ecb}, errors.Join(err1, err2, err3)
}

func rsaUnwrappers(priv *rsa.PrivateKey) ([]wrap.Unwrapper, error) {
	oaep1, err1 := wrap.NewRSAOAEPKey(priv)
	oaep256, err2 := legacy.NewRSAOAEPSHA256Key(priv)
	pkcs1, err3 := legacy.NewRSAPKCS1Key(priv)
	return []wrap.Unwrapper{oaep1, oaep256, pkcs1}, errors.Join(err1, err2, err3)
}

// rsaRawUnwrappers is for objects that nothing tells from those of PKCS#1 v1.5.
// The key undoes no other wrap: whoever could ask it without padding could
// decrypt what has some.
func rsaRawUnwrappers(priv *rsa.PrivateKey) ([]wrap.Unwrapper, error) {
	raw, err := legacy.NewInsecureRSARawKey(priv)
	return []wrap.Unwrapper{raw}, err
}

// wrapper returns the key for writing with alg.
func (k *key) wrapper(alg wrap.Algorithm) (w wrap.Wrapper, err error) {
	switch {
	case k.spec.scheme == keyRSARaw:
		return nil, usagef("key %s: can only open: want rsa:FILE", k.spec.text)
	case alg == wrap.AESGCM && k.aes != nil:
		w, err = wrap.NewAESGCM(k.aes)
	case alg == wrap.AESKW && k.aes != nil:
		w, err = wrap.NewAESKeyWrap(k.aes)
	case alg == wrap.AESECB && k.aes != nil:
		w, err = legacy.NewAESECB(k.aes)
	case alg == wrap.RSAOAEPSHA1 && k.pub != nil:
		w, err = wrap.NewRSAOAEP(k.pub)
	case alg == wrap.RSAPKCS1 && k.pub != nil:
		w, err = legacy.NewRSAPKCS1(k.pub)
	case alg == wrap.KMSContext && k.kms != nil:
		w, err = wrap.NewKMS(k.kms, k.spec.path)
	case alg == wrap.KMSPlain && k.kms != nil:
		w, err = legacy.NewKMSPlain(k.kms, k.spec.path)
	default:
		return nil, usagef("key %s: %s key cannot wrap with %s", k.spec.text, k.kind(), alg)
	}
	if err != nil {
		return nil, usagef("key %s: %w", k.spec.text, err)
	}
	return w, nil
}

// kind names the type of the key for people.
func (k *key) kind() string {
	switch {
	case k.aes != nil:
		return "an AES"
	case k.spec.scheme == keySidecar:
		return "a KMS sidecar"
	case k.kms != nil:
		return "a KMS"
	}
	return "an RSA"
}

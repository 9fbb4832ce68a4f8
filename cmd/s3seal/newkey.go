// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/s3seal/s3seal/wrap"
)

// newKeys are keys that objects are to be given, whatever wrap those have.
type newKeys struct {
	wrappers []wrap.Wrapper
	desc     map[string]string
	names    []string // that tell them from others, and tell nothing else
	readable []text   // those that can also open, as KEY arguments
}

// loadNewKeys loads the keys of --to. Each serves all the wraps that its type
// can, so that objects keep theirs.
func (a *app) loadNewKeys(args []text, matdesc []text, region text) (*newKeys, error) {
	keys, err := a.loadKeys(args, region)
	if err != nil {
		return nil, err
	}
	all := new(newKeys)
	if all.desc, err = joinPairs(keySpec{}, "--matdesc", matdesc); err != nil {
		return nil, err
	}
	if err := checkOwn(all.desc); err != nil {
		return nil, err
	}
	kinds := make(map[string]string)
	for i, k := range keys {
		if other, twice := kinds[k.kind()]; twice {
			return nil, usagef("--to %s: of %s key one is enough, and there is %s", k.spec.text, k.kind(), other)
		}
		kinds[k.kind()] = k.spec.text
		if err := all.add(k); err != nil {
			return nil, err
		}
		if k.aes != nil || k.priv != nil || k.kms != nil {
			all.readable = append(all.readable, args[i])
		}
	}
	return all, nil
}

func (n *newKeys) add(k *key) (err error) {
	if k.spec.scheme == keySidecar {
		return usagef("--to %s: want a key that is not in a sidecar: migrate the objects", k.spec.text)
	}
	if n.desc, err = mergePairs(n.desc, k.spec.matdesc, "--to "+k.spec.text); err != nil {
		return err
	}
	for _, alg := range k.algorithms() {
		w, err := k.wrapper(alg)
		if alg == wrap.RSAOAEPSHA1 && k.priv != nil { // with which it also tells what it has wrapped already
			w, err = wrap.NewRSAOAEPKey(k.priv)
		}
		if err != nil {
			return err
		}
		n.wrappers = append(n.wrappers, w)
	}
	if k.kms != nil {
		n.desc[contextKeyID] = k.spec.path // counts for the wrap that wants it only
	}
	name, err := k.name()
	n.names = append(n.names, name)
	return err
}

// algorithms are all that the key can wrap with, the modern one first.
func (k *key) algorithms() []wrap.Algorithm {
	switch {
	case k.aes != nil:
		return []wrap.Algorithm{wrap.AESGCM, wrap.AESKW, wrap.AESECB}
	case k.kms != nil:
		return []wrap.Algorithm{wrap.KMSContext, wrap.KMSPlain}
	}
	return []wrap.Algorithm{wrap.RSAOAEPSHA1, wrap.RSAPKCS1}
}

// name tells the key from others, in a journal: not by the name of its file, in
// which there may be another one tomorrow.
func (k *key) name() (string, error) {
	var sum []byte
	switch {
	case k.aes != nil:
		mac := hmac.New(sha256.New, k.aes)
		mac.Write([]byte("s3seal: the name of this key in a journal"))
		sum = mac.Sum(nil)
	case k.kms != nil:
		return k.spec.scheme + ":" + k.spec.path, nil
	case k.pub != nil:
		der, err := x509.MarshalPKIXPublicKey(k.pub)
		if err != nil {
			return "", fmt.Errorf("key %s: %w", k.spec.text, err)
		}
		digest := sha256.Sum256(der)
		sum = digest[:]
	default:
		return "", errors.New("key without content")
	}
	kind, _, _ := strings.Cut(k.spec.scheme, "-")
	return kind + ":" + hex.EncodeToString(sum[:8]), nil
}

// keyNames returns the names of several keys, in an order that is not that of the
// flags, each with the materials description that it was given.
func keyNames(keys []*key) (string, error) {
	var names []string
	for _, k := range keys {
		name, err := k.name()
		if err != nil {
			return "", err
		}
		if len(k.spec.matdesc) > 0 {
			name += "#" + pairsText(k.spec.matdesc)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, " "), nil
}

// jobPlace names the storage of an address in a journal.
func (f storageFlags) jobPlace(a *app, at address) (string, error) {
	if !at.isS3() {
		return dirScheme + realFolder(at.root) + "//" + at.key, nil
	}
	server, _, err := f.server(a.env, at)
	return server.host + "/" + at.bucket + "/" + at.key, err
}

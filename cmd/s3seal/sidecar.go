// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/wrap"
)

// refuseSidecars is for commands without storage: nothing is beside stdin.
func refuseSidecars(keys []text) error {
	specs, err := parseKeySpecs(keys)
	if err != nil {
		return err
	}
	for _, spec := range specs {
		if spec.scheme == keySidecar {
			return usagef("key %s: want an object in storage with it: use put, get or cat", spec.text)
		}
	}
	return nil
}

// sidecar returns what wraps by the key in the sidecar, and the materials
// description. The encryption context is that of the key and not of the object,
// so the object has room for a description as well.
func (f sealFlags) sidecar(k *key, alg wrap.Algorithm) (wrap.Wrapper, map[string]string, error) {
	desc, err := joinPairs(keySpec{}, "--matdesc", f.Matdesc)
	if err != nil {
		return nil, nil, err
	}
	w, err := k.sidecarKey(alg, f.EncryptionContext)
	if err != nil {
		return nil, nil, err
	}
	return w, desc, nil
}

// sidecarUnwrappers returns the key for reading. The KMS compares the encryption
// context, so that there is nothing to require.
func (k *key) sidecarUnwrappers(f contextFlags) ([]wrap.Unwrapper, error) {
	u, err := k.sidecarKey(wrap.AESGCM, f.EncryptionContext)
	if err != nil {
		return nil, err
	}
	return []wrap.Unwrapper{u}, nil
}

func (k *key) sidecarKey(alg wrap.Algorithm, context []text) (*backend.SidecarKey, error) {
	pairs, err := joinPairs(k.spec, flagContext, context)
	if err != nil {
		return nil, err
	}
	if err := checkOwn(pairs); err != nil {
		return nil, err
	}
	return backend.NewSidecarKey(k.kms, k.spec.path, &backend.SidecarOptions{Wrap: alg, EncryptionContext: pairs})
}

// checkOwn refuses what a caller's encryption context must not hold.
func checkOwn(encCtx map[string]string) error {
	for _, name := range []string{contextAlgorithm, contextKeyID} {
		if _, ok := encCtx[name]; ok {
			return usagef("%s: %s belongs to the format", flagContext, name)
		}
	}
	return nil
}

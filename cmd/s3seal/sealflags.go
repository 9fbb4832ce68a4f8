// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// sealFlags say how to write.
type sealFlags struct {
	Format  string `type:"lower" enum:"v3,v2,v2-cbc,v1,chunked,dare2" default:"v3" placeholder:"NAME" help:"v3 (default, commits to the key), v2 (AES-GCM), v2-cbc or v1 (AES-CBC, unauthenticated: only for readers that know nothing else). Read by s3seal only: chunked (commits; any part can be read and verified alone; over 64 GiB; several keys) or dare2 (the same as MinIO's DARE 2.0; does not commit)."`
	Wrap    text   `placeholder:"NAME" help:"How the content key is wrapped: AES/GCM, AESWrap, RSA-OAEP-SHA1, kms+context or kms; default: the modern wrap of the key."`
	Matdesc []text `group:"Key:" sep:"none" placeholder:"NAME=VALUE" help:"Materials description stored with the object, unencrypted; may be repeated."`

	EncryptionContext []text `group:"Key:" sep:"none" placeholder:"NAME=VALUE" help:"With a KMS key, the encryption context: bound to the object's key, stored unencrypted, seen by the KMS; may be repeated."`
}

// sealing is what the flags and the key come to.
type sealing struct {
	format  format
	key     *key
	wrapper wrap.Wrapper
	options envelope.SealOptions
	others  []*sealing // of further keys
}

// with joins the flags with a key.
func (f sealFlags) with(k *key) (*sealing, error) {
	form, err := formatNamed(f.Format)
	if err != nil {
		return nil, err
	}
	alg, err := form.wrapFor(k, string(f.Wrap))
	if err != nil {
		return nil, err
	}
	w, desc, err := f.wrapping(k, alg)
	if err != nil {
		return nil, err
	}
	return &sealing{
		format:  form,
		key:     k,
		wrapper: w,
		options: envelope.SealOptions{Suite: form.suite, MatDesc: desc},
	}, nil
}

// wrapping returns what wraps, and the materials description.
func (f sealFlags) wrapping(k *key, alg wrap.Algorithm) (w wrap.Wrapper, desc map[string]string, err error) {
	if k.spec.scheme == keySidecar {
		return f.sidecar(k, alg)
	}
	if w, err = k.wrapper(alg); err != nil {
		return nil, nil, err
	}
	desc, err = f.matdesc(k, alg)
	return w, desc, err
}

// matdesc joins the flag with the description of the key. The formats have one
// place for a materials description and an encryption context, and it depends
// on the key which of the two it is.
func (f sealFlags) matdesc(k *key, alg wrap.Algorithm) (map[string]string, error) {
	if k.kms == nil {
		if len(f.EncryptionContext) > 0 {
			return nil, usagef("%s: want a key kms:KEYID with it; for %s key there is --matdesc", flagContext, k.kind())
		}
		return joinPairs(k.spec, "--matdesc", f.Matdesc)
	}
	if len(f.Matdesc) > 0 {
		return nil, usagef("--matdesc: for a KMS key there is %s", flagContext)
	}
	desc, err := joinPairs(k.spec, flagContext, f.EncryptionContext)
	if err != nil {
		return nil, err
	}
	if err := checkOwn(desc); err != nil {
		return nil, err
	}
	if alg == wrap.KMSPlain {
		desc[contextKeyID] = k.spec.path // which old readers look for
	}
	return desc, nil
}

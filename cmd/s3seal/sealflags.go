// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// sealFlags say how to write.
type sealFlags struct {
	Format  string `enum:"v3,v2,v2-cbc,v1" default:"v3" placeholder:"NAME" help:"v3 (default, commits to the key), v2 (AES-GCM), v2-cbc or v1 (AES-CBC, unauthenticated: only for readers that know nothing else)."`
	Wrap    text   `placeholder:"NAME" help:"How the content key is wrapped: AES/GCM, AESWrap or RSA-OAEP-SHA1; default: the modern wrap of the key."`
	Matdesc []text `sep:"none" placeholder:"NAME=VALUE" help:"Materials description stored with the object, unencrypted; may be repeated."`
}

// sealing is what the flags and the key come to.
type sealing struct {
	format  format
	key     *key
	wrapper wrap.Wrapper
	options envelope.SealOptions
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
	w, err := k.wrapper(alg)
	if err != nil {
		return nil, err
	}
	desc, err := f.matdesc(k.spec)
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

// matdesc joins --matdesc with the description of the key.
func (f sealFlags) matdesc(spec keySpec) (map[string]string, error) {
	pairs := make([]string, len(f.Matdesc))
	for i, p := range f.Matdesc {
		pairs[i] = string(p)
	}
	own, err := parsePairs(pairs)
	if err != nil {
		return nil, usagef("--matdesc: %w", err)
	}
	return mergePairs(spec.matdesc, own)
}

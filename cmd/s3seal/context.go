// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/s3seal/s3seal/wrap"
)

// Names of entries in an encryption context that belong to the formats.
const (
	contextAlgorithm = "aws:x-amz-cek-alg"
	contextKeyID     = "kms_cmk_id"
)

const flagContext = "--encryption-context"

// contextFlags say which encryption context a reader expects of the objects
// that it opens by a KMS.
type contextFlags struct {
	EncryptionContext []text `sep:"none" placeholder:"NAME=VALUE" help:"With a KMS key, open only objects with exactly this encryption context; may be repeated."`
	RequireContext    bool   `help:"With a KMS key, compare the encryption context with what the flags and the key name, even if that is nothing."`
}

// check refuses flags that would not do what somebody may rely on.
func (f contextFlags) check(specs []keySpec) error {
	if len(f.EncryptionContext) == 0 && !f.RequireContext {
		return nil
	}
	for _, spec := range specs {
		if !spec.isFile() {
			return nil
		}
	}
	return usagef("%s and --require-context: want a key kms:KEYID with them", flagContext)
}

// require holds the objects that k opens to the context, if one was asked for.
func (f contextFlags) require(k *key, us []wrap.Unwrapper) ([]wrap.Unwrapper, error) {
	if k.kms == nil || len(f.EncryptionContext) == 0 && !f.RequireContext {
		return us, nil
	}
	want, err := joinPairs(k.spec, flagContext, f.EncryptionContext)
	if err != nil {
		return nil, err
	}
	for i, u := range us {
		if us[i], err = wrap.RequireContext(u, want); err != nil {
			return nil, usagef("%s: %w", flagContext, err)
		}
	}
	return us, nil
}

// joinPairs joins the pairs of a flag with what the key says.
func joinPairs(spec keySpec, flag string, flags []text) (map[string]string, error) {
	pairs := make([]string, len(flags))
	for i, p := range flags {
		pairs[i] = string(p)
	}
	own, err := parsePairs(pairs)
	if err != nil {
		return nil, usagef("%s: %w", flag, err)
	}
	return mergePairs(spec.matdesc, own, flag)
}

// ownContext is the encryption context of an object without what belongs to
// the formats.
func ownContext(desc map[string]string) map[string]string {
	own := make(map[string]string, len(desc))
	for name, value := range desc {
		if name != contextAlgorithm && name != contextKeyID {
			own[name] = value
		}
	}
	return own
}

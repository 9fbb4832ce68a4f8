// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strings"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/wrap"
)

// A format is a way to write objects: a suite, and the wraps that go with it,
// the default for each type of key first.
type format struct {
	name  string
	suite envelope.Suite
	aes   []wrap.Algorithm
	rsa   []wrap.Algorithm
	kms   []wrap.Algorithm
	side  []wrap.Algorithm // of keys in sidecars
}

// formats returns what --format can name.
func formats() []format {
	modern := []wrap.Algorithm{wrap.AESGCM}
	both := []wrap.Algorithm{wrap.AESGCM, wrap.AESKW}
	oaep := []wrap.Algorithm{wrap.RSAOAEPSHA1}
	bound := []wrap.Algorithm{wrap.KMSContext}
	kms := []wrap.Algorithm{wrap.KMSContext, wrap.KMSPlain}
	// In format V2 the first is what other clients with sidecars read.
	side := []wrap.Algorithm{wrap.AESKW, wrap.AESGCM}
	return []format{
		{"v3", envelope.V3, modern, oaep, bound, modern},
		{"v2", envelope.V2GCM, both, oaep, kms, side},
		{"v2-cbc", envelope.V2CBC, both, oaep, kms, side},
		{"chunked", envelope.Chunked, modern, oaep, bound, modern},
		{"dare2", dare.DARE2, modern, oaep, bound, modern},
		{"v1", envelope.V1, []wrap.Algorithm{wrap.AESECB}, []wrap.Algorithm{wrap.RSAPKCS1}, nil, nil},
	}
}

func formatNamed(name string) (format, error) {
	for _, f := range formats() {
		if f.name == name {
			return f, nil
		}
	}
	return format{}, usagef("format %q: want v3, chunked, dare2, v2, v2-cbc or v1", name)
}

// extraSuites are the formats that package envelope does not have built in.
func extraSuites() []envelope.Suite { return []envelope.Suite{dare.DARE2} }

// isOwn says whether the format is one of s3seal's own.
func (f format) isOwn() bool { return f.suite == envelope.Chunked || f.suite == dare.DARE2 }

// wrapFor chooses the wrap for a key: the one that --wrap names, or the
// default of the format.
func (f format) wrapFor(k *key, name string) (wrap.Algorithm, error) {
	choices := f.choices(k)
	if len(choices) == 0 {
		return 0, usagef("format %s has no wrap for %s key: use v3, chunked, dare2, v2 or v2-cbc", f.name, k.kind())
	}
	if name == "" {
		return choices[0], nil
	}
	alg, err := wrapNamed(name)
	if err != nil {
		return 0, err
	}
	if !slices.Contains(choices, alg) {
		var names []string
		for _, c := range choices {
			names = append(names, c.String())
		}
		return 0, usagef("--wrap %s: format %s with %s key takes %s", name, f.name, k.kind(), strings.Join(names, " or "))
	}
	return alg, nil
}

// choices returns the wraps for a key in this format.
func (f format) choices(k *key) []wrap.Algorithm {
	switch {
	case k.aes != nil:
		return f.aes
	case k.spec.scheme == keySidecar:
		return f.side
	case k.kms != nil:
		return f.kms
	}
	return f.rsa
}

// wrapNamed reads the names that metadata use: texts in format V2, codes in
// format V3. The wraps of format V1 have no names on the wire, and need none:
// there is one for each type of key.
func wrapNamed(name string) (wrap.Algorithm, error) {
	switch name {
	case "AES/GCM", "02":
		return wrap.AESGCM, nil
	case "AESWrap":
		return wrap.AESKW, nil
	case "RSA-OAEP-SHA1", "22":
		return wrap.RSAOAEPSHA1, nil
	case "RSA/ECB/OAEPWithSHA-256AndMGF1Padding":
		return 0, usagef("--wrap %s: can be read, not written: use RSA-OAEP-SHA1", name)
	case "kms+context", "12":
		return wrap.KMSContext, nil
	case "kms":
		return wrap.KMSPlain, nil
	}
	return 0, usagef("--wrap %q: want AES/GCM, AESWrap, RSA-OAEP-SHA1, kms+context or kms", name)
}

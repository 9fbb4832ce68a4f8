// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strings"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// A format is a way to write objects: a suite, and the wraps that go with it,
// the default for each type of key first.
type format struct {
	name  string
	suite envelope.Suite
	aes   []wrap.Algorithm
	rsa   []wrap.Algorithm
}

// formats returns what --format can name.
func formats() []format {
	modern := []wrap.Algorithm{wrap.AESGCM}
	both := []wrap.Algorithm{wrap.AESGCM, wrap.AESKW}
	oaep := []wrap.Algorithm{wrap.RSAOAEPSHA1}
	return []format{
		{"v3", envelope.V3, modern, oaep},
		{"v2", envelope.V2GCM, both, oaep},
		{"v2-cbc", envelope.V2CBC, both, oaep},
		{"v1", envelope.V1, []wrap.Algorithm{wrap.AESECB}, []wrap.Algorithm{wrap.RSAPKCS1}},
	}
}

func formatNamed(name string) (format, error) {
	for _, f := range formats() {
		if f.name == name {
			return f, nil
		}
	}
	return format{}, usagef("format %q: want v3, v2, v2-cbc or v1", name)
}

// wrapFor chooses the wrap for a key: the one that --wrap names, or the
// default of the format.
func (f format) wrapFor(k *key, name string) (wrap.Algorithm, error) {
	choices := f.rsa
	if k.aes != nil {
		choices = f.aes
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
	case "kms", "kms+context", "12":
		return 0, usagef("--wrap %s: there is no KMS here: use AES/GCM, AESWrap or RSA-OAEP-SHA1", name)
	}
	return 0, usagef("--wrap %q: want AES/GCM, AESWrap or RSA-OAEP-SHA1", name)
}

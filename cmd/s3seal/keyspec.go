// SPDX-License-Identifier: Apache-2.0

package main

import (
	"maps"
	"strings"
)

// A keySpec is a KEY argument: how to read a file, and the materials
// description of the objects that the key is for.
type keySpec struct {
	text    string // without the description, for messages
	scheme  string
	path    string
	matdesc map[string]string
}

// Ways to read a key file.
const (
	keyAES    = "aes"
	keyRaw    = "aes-raw"
	keyHex    = "aes-hex"
	keyBase64 = "aes-b64"
	keyRSA    = "rsa"

	// keyRSARaw is an RSA key whose objects were wrapped without any padding.
	keyRSARaw = "insecure-rsa-raw"

	// Of these, path is the key ID.
	keyKMS     = "kms"
	keySidecar = "kms-sidecar"
)

// parseKeySpec reads SCHEME:FILE or SCHEME:FILE#name=value,name=value. The
// last # counts; behind a file name that holds one, an empty suffix (#) says so.
func parseKeySpec(s string) (keySpec, error) {
	scheme, rest, ok := strings.Cut(s, ":")
	switch scheme {
	case keyAES, keyRaw, keyHex, keyBase64, keyRSA, keyRSARaw, keyKMS, keySidecar:
	default:
		ok = false
	}
	if !ok {
		return keySpec{}, usagef("key %q: want aes:FILE, aes-raw:FILE, aes-hex:FILE, aes-b64:FILE, rsa:FILE, kms:KEYID or kms-sidecar:KEYID", s)
	}
	spec := keySpec{text: s, scheme: scheme, path: rest}
	if i := strings.LastIndexByte(rest, '#'); i >= 0 {
		desc, err := parsePairs(strings.Split(rest[i+1:], ","))
		if err != nil {
			return keySpec{}, usagef("key %q: materials description: %w", s, err)
		}
		spec.text, spec.path, spec.matdesc = scheme+":"+rest[:i], rest[:i], desc
	}
	if spec.path == "" && !spec.isFile() {
		return keySpec{}, usagef("key %q: want a key ID, an alias/NAME or an ARN after %s:", s, scheme)
	}
	if spec.path == "" {
		return keySpec{}, usagef("key %q: want a file name after %s:", s, scheme)
	}
	return spec, nil
}

// isFile says whether the key is in a file, and not in a KMS.
func (s keySpec) isFile() bool { return s.scheme != keyKMS && s.scheme != keySidecar }

// parseKeySpecs reads several KEY arguments and wants at least one.
func parseKeySpecs(args []text) ([]keySpec, error) {
	specs := make([]keySpec, 0, len(args))
	for _, arg := range args {
		spec, err := parseKeySpec(string(arg))
		if err != nil {
			return nil, err
		}
		specs = append(specs, spec)
	}
	return specs, nil
}

// parsePairs reads name=value texts. Nothing at all, one empty text, is no
// pair.
func parsePairs(pairs []string) (map[string]string, error) {
	m := make(map[string]string, len(pairs))
	if len(pairs) == 1 && pairs[0] == "" {
		return m, nil
	}
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, usagef("want name=value, got %q", pair)
		}
		if _, twice := m[name]; twice {
			return nil, usagef("%q is there twice", name)
		}
		m[name] = value
	}
	return m, nil
}

// mergePairs joins a key's description with that of a flag, which may repeat it but
// not contradict it: the object would name another key than the one that
// sealed it.
func mergePairs(a, b map[string]string, flag string) (map[string]string, error) {
	m := maps.Clone(a)
	if m == nil {
		m = make(map[string]string, len(b))
	}
	for name, value := range b {
		if old, ok := m[name]; ok && old != value {
			return nil, usagef("%s %s=%s: the key says %s=%s", flag, name, value, name, old)
		}
		m[name] = value
	}
	return m, nil
}

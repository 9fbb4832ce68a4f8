// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// keyHeader is the first line of a key file of keygen. It is what makes such
// a file readable in one way only.
const keyHeader = keyMark + " v1: AES-256"

// keyMark begins the header of this version and of those to come.
const keyMark = "# s3seal key"

// ownKeySize is the size of the keys that keygen makes.
const ownKeySize = 32

// formatKey is the content of a key file of keygen.
func formatKey(key []byte) []byte {
	return []byte(keyHeader + "\n" + base64.StdEncoding.EncodeToString(key) + "\n")
}

// parseAESKey reads the content of a symmetric key file. Errors say what was
// wanted; they never hold any of the content.
func parseAESKey(data []byte, scheme string) ([]byte, error) {
	if scheme == keyAES {
		if rest, ok := cutHeader(data); ok {
			return parseOwnKey(rest)
		}
		if bytes.HasPrefix(data, []byte(keyMark)) {
			// The start of a header is no key: everybody knows it.
			return nil, usagef("damaged key file, or one of a later version: want the header %q", keyHeader)
		}
		return onlyReading(data)
	}
	if bytes.HasPrefix(data, []byte(keyMark)) {
		return nil, usagef("this is a key file of s3seal keygen: use aes:")
	}
	key := readings(data)[scheme]
	if key == nil {
		return nil, usagef("want a key of 16, 24 or 32 bytes as %s", schemeForm(scheme))
	}
	return key, nil
}

// cutHeader takes the header line off a key file of keygen.
func cutHeader(data []byte) ([]byte, bool) {
	line, rest, _ := bytes.Cut(data, []byte("\n"))
	return rest, string(bytes.TrimRight(line, "\r")) == keyHeader
}

// parseOwnKey reads what follows the header: one line of base64.
func parseOwnKey(data []byte) ([]byte, error) {
	key := readings(data)[keyBase64]
	if len(key) != ownKeySize {
		return nil, usagef("damaged key file: want %d bytes in base64 under the header", ownKeySize)
	}
	return key, nil
}

// onlyReading returns the key if the content can be read as one in a single
// way. 32 hex digits are also a raw key, and a base64 one: to guess would be
// to encrypt under a key that the owner does not know.
func onlyReading(data []byte) ([]byte, error) {
	if bytes.HasPrefix(data, []byte("-----BEGIN ")) {
		return nil, usagef("this is a PEM file: use rsa:")
	}
	found := readings(data)
	var as []string
	for _, scheme := range []string{keyRaw, keyHex, keyBase64} {
		if found[scheme] != nil {
			as = append(as, scheme+":")
		}
	}
	switch len(as) {
	case 0:
		return nil, usagef("want a key of 16, 24 or 32 bytes, raw or in hex or base64")
	case 1:
		return found[strings.TrimSuffix(as[0], ":")], nil
	}
	return nil, usagef("can be read in several ways: say which with %s", strings.Join(as, " or "))
}

// readings returns all ways in which data are a key of a legal size.
func readings(data []byte) map[string][]byte {
	found := make(map[string][]byte, 3)
	add := func(scheme string, key []byte, err error) {
		if err == nil && (len(key) == 16 || len(key) == 24 || len(key) == 32) {
			found[scheme] = key
		}
	}
	add(keyRaw, bytes.Clone(data), nil)
	trimmed := string(bytes.Trim(data, " \t\r\n"))
	key, err := hex.DecodeString(trimmed)
	add(keyHex, key, err)
	if !strings.ContainsAny(trimmed, "\r\n") { // the decoder would skip them
		key, err = base64.StdEncoding.Strict().DecodeString(trimmed)
		add(keyBase64, key, err)
	}
	return found
}

// schemeForm names a scheme's reading for people.
func schemeForm(scheme string) string {
	switch scheme {
	case keyRaw:
		return "raw bytes"
	case keyHex:
		return "hex digits"
	}
	return "base64"
}

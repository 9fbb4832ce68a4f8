// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// binary is no text in any reading.
func binary(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(0x80 + i)
	}
	return b
}

func TestAESKeyReadings(t *testing.T) {
	b64 := base64.StdEncoding.EncodeToString
	hexa := hex.EncodeToString
	for _, c := range []struct {
		name string
		data string
		want []byte // nil if refused
		hint string // what the refusal must say
	}{
		{"raw 16", string(binary(16)), binary(16), ""},
		{"raw 24", string(binary(24)), binary(24), ""},
		{"raw 32", string(binary(32)), binary(32), ""},
		{"raw 32 of text", "correct horse battery staple 12!", []byte("correct horse battery staple 12!"), ""},
		{"raw 32 ending in a newline", string(binary(31)) + "\n", append(binary(31), '\n'), ""},
		{"hex 24", hexa(binary(24)), binary(24), ""},
		{"hex 32", hexa(binary(32)), binary(32), ""},
		{"hex 32 upper case", strings.ToUpper(hexa(binary(32))), binary(32), ""},
		{"hex 32 with space around", " \t\r\n" + hexa(binary(32)) + "\r\n\n", binary(32), ""},
		{"base64 16 with newline", b64(binary(16)) + "\n", binary(16), ""},
		{"base64 24 with newline", b64(binary(24)) + "\n", binary(24), ""},
		{"base64 32", b64(binary(32)), binary(32), ""},
		{"base64 32 with newline", b64(binary(32)) + "\n", binary(32), ""},

		{"hex 16 is also raw 32 and base64 24", hexa(binary(16)), nil, "aes-raw: or aes-hex: or aes-b64:"},
		{"hex 16 with newline is also base64 24", hexa(binary(16)) + "\n", nil, "aes-hex: or aes-b64:"},
		{"base64 16 is also raw 24", b64(binary(16)), nil, "aes-raw: or aes-b64:"},
		{"base64 24 is also raw 32", b64(binary(24)), nil, "aes-raw: or aes-b64:"},

		{"empty", "", nil, "16, 24 or 32 bytes"},
		{"raw 15", string(binary(15)), nil, "16, 24 or 32 bytes"},
		{"raw 33", string(binary(33)), nil, "16, 24 or 32 bytes"},
		{"raw 64", string(binary(64)), nil, "16, 24 or 32 bytes"},
		{"hex of 31", hexa(binary(31)), nil, "16, 24 or 32 bytes"},
		{"hex with a space inside", hexa(binary(16)) + " " + hexa(binary(16)), nil, "16, 24 or 32 bytes"},
		{"base64 without padding", strings.TrimRight(b64(binary(32)), "="), nil, "16, 24 or 32 bytes"},
		{"base64 URL alphabet", base64.URLEncoding.EncodeToString(bytes.Repeat([]byte{0xff}, 32)), nil, "16, 24 or 32 bytes"},
		{"base64 with stray bits", b64(binary(32))[:42] + "9=", nil, "16, 24 or 32 bytes"},
		{"base64 in two lines", b64(binary(32))[:22] + "\n" + b64(binary(32))[22:], nil, "16, 24 or 32 bytes"},
		{"PEM", "-----BEGIN PRIVATE KEY-----\n", nil, "rsa:"},
		{"two keys", b64(binary(32)) + "\n" + b64(binary(32)) + "\n", nil, "16, 24 or 32 bytes"},

		{"own", string(formatKey(binary(32))), binary(32), ""},
		{"own with CRLF", strings.ReplaceAll(string(formatKey(binary(32))), "\n", "\r\n"), binary(32), ""},
		{"own without last newline", strings.TrimSpace(string(formatKey(binary(32)))), binary(32), ""},
		{"own, header alone", keyHeader + "\n", nil, "damaged"},
		{"own, short", keyHeader + "\n" + b64(binary(16)) + "\n", nil, "damaged"},
		{"own, two keys", string(formatKey(binary(32))) + b64(binary(32)) + "\n", nil, "damaged"},
		{"own, header of another version", "# s3seal key v2: AES-256\n" + b64(binary(32)) + "\n", nil, "later version"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := parseAESKey([]byte(c.data), keyAES)
			checkKey(t, got, err, c.want, c.hint)
		})
	}
}

func TestAESKeyExplicitReadings(t *testing.T) {
	text := hex.EncodeToString(binary(16)) // legal in all three
	fromB64, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		scheme, data string
		want         []byte
		hint         string
	}{
		{keyRaw, text, []byte(text), ""},
		{keyHex, text, binary(16), ""},
		{keyBase64, text, fromB64, ""},
		{keyHex, text + "\n", binary(16), ""},
		{keyBase64, "\n" + text + "\n", fromB64, ""},
		{keyRaw, text + "\n", nil, "raw bytes"}, // never trimmed
		{keyHex, "zz", nil, "hex digits"},
		{keyBase64, "", nil, "base64"},
		{keyRaw, string(formatKey(binary(32))), nil, "use aes:"},
		{keyBase64, string(formatKey(binary(32))), nil, "use aes:"},
	} {
		t.Run(c.scheme+" "+c.data, func(t *testing.T) {
			got, err := parseAESKey([]byte(c.data), c.scheme)
			checkKey(t, got, err, c.want, c.hint)
		})
	}
}

// checkKey wants the key, or a usage error that says hint and nothing of the
// key.
func checkKey(t *testing.T, got []byte, err error, want []byte, hint string) {
	t.Helper()
	if want != nil {
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("parseAESKey = %x, %v; want %x", got, err, want)
		}
		return
	}
	var usage *usageError
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), hint) {
		t.Errorf("parseAESKey = %x, %v; want a usage error with %q", got, err, hint)
	}
}

// TestAESKeyNeverGuesses: what aes: reads is what exactly one of the explicit
// schemes reads.
func TestAESKeyNeverGuesses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.OneOf(
			rapid.SliceOfN(rapid.Byte(), 0, 70),
			rapid.SliceOfN(rapid.SampledFrom([]byte("0123456789abcdefXYZ+/= \n")), 0, 70),
			rapid.Map(rapid.SliceOfN(rapid.Byte(), 15, 33), func(b []byte) []byte { return []byte(hex.EncodeToString(b)) }),
			rapid.Map(rapid.SliceOfN(rapid.Byte(), 15, 33), func(b []byte) []byte { return []byte(base64.StdEncoding.EncodeToString(b)) }),
		).Draw(t, "data")
		var keys [][]byte
		for _, scheme := range []string{keyRaw, keyHex, keyBase64} {
			if key, err := parseAESKey(data, scheme); err == nil {
				keys = append(keys, key)
			}
		}
		got, err := parseAESKey(data, keyAES)
		if len(keys) == 1 {
			if err != nil || !bytes.Equal(got, keys[0]) {
				t.Errorf("parseAESKey = %x, %v; want %x", got, err, keys[0])
			}
		} else if err == nil {
			t.Errorf("parseAESKey = %x with %d readings, want an error", got, len(keys))
		}
	})
}

// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"hash/crc32"
	"hash/crc64"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend/mem"
)

// envelopeNames are all that a put may add to the metadata of its caller.
var envelopeNames = strings.Fields("x-amz-key x-amz-key-v2 x-amz-iv x-amz-matdesc x-amz-cek-alg x-amz-wrap-alg x-amz-tag-len " +
	"x-amz-3 x-amz-c x-amz-w x-amz-d x-amz-i x-amz-m x-amz-t")

// fingerprints are functions of data that would tell whether it is known.
func fingerprints(data []byte) [][]byte {
	m, s1, s2, s5 := md5.Sum(data), sha1.Sum(data), sha256.Sum256(data), sha512.Sum512(data)
	nvme := crc64.Checksum(data, crc64.MakeTable(0x9a6c9329ac4bc9b5))
	return [][]byte{
		m[:], s1[:], s2[:], s5[:], binary.BigEndian.AppendUint64(nil, nvme),
		binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(data)),
		binary.BigEndian.AppendUint32(nil, crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))),
	}
}

// TestAttackA3Fingerprints (CVE-2022-2582): nothing that is stored is a
// function of the plaintext, except for its length.
func TestAttackA3Fingerprints(t *testing.T) {
	data := []byte("one of the few things that it could be")
	for _, p := range profiles(t) {
		d := mem.New()
		if _, err := p.bucket(d).Put(t.Context(), "metadata", bytes.NewReader(data), -1, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := p.filing(d, nil).Put(t.Context(), "file", bytes.NewReader(data), int64(len(data)), nil); err != nil {
			t.Fatal(err)
		}
		var file map[string]string
		if err := json.Unmarshal([]byte(body(t, d, "file"+suffix)), &file); err != nil {
			t.Fatal(err)
		}
		for what, names := range map[string]map[string]string{
			"metadata": must(d.Stat(t.Context(), "metadata"))(t).Metadata,
			"rest":     must(d.Stat(t.Context(), "file"))(t).Metadata,
			"file":     file,
		} {
			for _, name := range slices.Sorted(maps.Keys(names)) {
				if !slices.Contains(envelopeNames, name) {
					t.Errorf("%s, %s: %s is stored", p.name, what, name)
				}
			}
			wantNoFingerprint(t, p.name+", "+what, names, data)
		}
	}
}

func wantNoFingerprint(t *testing.T, what string, names map[string]string, data []byte) {
	t.Helper()
	for name, value := range names {
		if hasFingerprint(value, data) {
			t.Errorf("%s: %s holds a fingerprint of the plaintext", what, name)
		}
	}
}

// hasFingerprint knows the ways in which clients have written them: the bytes
// in base64, in hex, or the hex in base64.
func hasFingerprint(value string, data []byte) bool {
	raw, _ := base64.StdEncoding.DecodeString(value)
	for _, sum := range fingerprints(data) {
		text := hex.EncodeToString(sum)
		switch {
		case bytes.Contains(raw, sum) && len(sum) > 4, value == base64.StdEncoding.EncodeToString(sum):
			return true
		case strings.Contains(strings.ToLower(value), text), strings.Contains(strings.ToLower(string(raw)), text):
			return true
		}
	}
	return false
}

// TestAttackA3Found: what clients did store is found, so that to find nothing
// means something. One of them wrote the hex of the MD5 in base64.
func TestAttackA3Found(t *testing.T) {
	data := []byte("one of the few things that it could be")
	sum := md5.Sum(data)
	text := hex.EncodeToString(sum[:])
	for _, value := range []string{text, strings.ToUpper(text), base64.StdEncoding.EncodeToString(sum[:]), base64.StdEncoding.EncodeToString([]byte(text)), `{"md5":"` + text + `"}`} {
		if !hasFingerprint(value, data) || hasFingerprint(value, []byte("another")) {
			t.Errorf("%s: hasFingerprint = %t, want true for its own plaintext only", value, hasFingerprint(value, data))
		}
	}
	for _, sum := range fingerprints(data) {
		if !hasFingerprint(base64.StdEncoding.EncodeToString(sum), data) {
			t.Errorf("%d bytes in base64 are not found", len(sum))
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package localkms

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A blob of ours is
//
//	"S3SKMS1" || 0 || key tag (16) || version (4, big endian) || nonce (12) || ciphertext || tag (16)
//
// The key tag is the beginning of the SHA-256 of the key ID. The additional data
// is all that comes before the nonce, followed by the encryption context in the
// order of its names, each text preceded by its length in 8 bytes: no two
// contexts look alike.
const (
	blobMagic  = "S3SKMS1\x00"
	keyTagSize = 16
	headerSize = len(blobMagic) + keyTagSize + 4
	keySize    = 32
)

// The other blob that is read, never written, is that of a stand-in for AWS KMS
// with which objects for interoperability tests were made:
//
//	"FKMS1" || version (1) || nonce (12) || ciphertext || tag (16)
//
// The additional data is the line "name=value\n" for each entry of the context.
const fkmsMagic = "FKMS1"

// A masterKey is a key with all its versions. It is not changed after it was
// made.
type masterKey struct {
	id       string
	tag      string // of keyTagSize bytes
	versions []version
}

type version struct {
	created time.Time
	key     []byte
	aead    cipher.AEAD // makes its own nonces
}

func newVersion(key []byte, created time.Time) (version, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return version{}, fmt.Errorf("localkms: key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return version{}, fmt.Errorf("localkms: key: %w", err)
	}
	return version{created.UTC().Truncate(time.Second), slices.Clone(key), aead}, nil
}

func newMasterKey(id string, versions ...version) *masterKey {
	sum := sha256.Sum256([]byte(id))
	return &masterKey{id, string(sum[:keyTagSize]), versions}
}

func (m *masterKey) seal(plain []byte, encCtx map[string]string) []byte {
	newest := len(m.versions) - 1
	header := append([]byte(blobMagic), m.tag...)
	header = binary.BigEndian.AppendUint32(header, uint32(newest))
	aad := appendContext(slices.Clone(header), encCtx)
	return m.versions[newest].aead.Seal(header, nil, plain, aad)
}

// open returns the plaintext, errIncorrectKey or errInvalidCiphertext.
func (m *masterKey) open(blob []byte, encCtx map[string]string) ([]byte, error) {
	if rest, ok := bytes.CutPrefix(blob, []byte(fkmsMagic)); ok {
		return m.openFKMS(rest, encCtx)
	}
	if len(blob) < headerSize || string(blob[:len(blobMagic)]) != blobMagic {
		return nil, errInvalidCiphertext
	}
	header := blob[:headerSize:headerSize]
	if string(header[len(blobMagic):][:keyTagSize]) != m.tag {
		return nil, errIncorrectKey
	}
	n := binary.BigEndian.Uint32(header[headerSize-4:])
	return m.openVersion(uint64(n), blob[headerSize:], appendContext(header, encCtx))
}

func (m *masterKey) openVersion(n uint64, sealed, aad []byte) ([]byte, error) {
	if n >= uint64(len(m.versions)) {
		return nil, errInvalidCiphertext
	}
	plain, err := m.versions[n].aead.Open(nil, nil, sealed, aad)
	if err != nil {
		return nil, errInvalidCiphertext
	}
	return plain, nil
}

func (m *masterKey) openFKMS(rest []byte, encCtx map[string]string) ([]byte, error) {
	aad, ok := fkmsContext(encCtx)
	if !ok || len(rest) == 0 {
		return nil, errInvalidCiphertext
	}
	return m.openVersion(uint64(rest[0]), rest[1:], aad)
}

// fkmsContext refuses the contexts that this encoding cannot tell from others.
func fkmsContext(encCtx map[string]string) (aad []byte, ok bool) {
	for _, name := range slices.Sorted(maps.Keys(encCtx)) {
		if strings.ContainsAny(name, "=\n") || strings.Contains(encCtx[name], "\n") {
			return nil, false
		}
		aad = fmt.Appendf(aad, "%s=%s\n", name, encCtx[name])
	}
	return aad, true
}

func appendContext(b []byte, encCtx map[string]string) []byte {
	for _, name := range slices.Sorted(maps.Keys(encCtx)) {
		for _, part := range []string{name, encCtx[name]} {
			b = binary.BigEndian.AppendUint64(b, uint64(len(part)))
			b = append(b, part...)
		}
	}
	return b
}

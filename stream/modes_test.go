// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"io"
	"testing"

	"github.com/s3seal/s3seal/stream"
)

var (
	testKey = unhex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
	testIV  = unhex("a0a1a2a3a4a5a6a7a8a9aaab")
	testIV2 = unhex("b0b1b2b3b4b5b6b7b8b9babbbcbdbebf")
	testAAD = []byte("additional data of no whole block")
)

// chunkSizes are the sizes that tests of short streams use. One is not a power
// of two, and 16 makes every block a piece.
var chunkSizes = []int{16, 48, 64, 256}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func newBlock(key []byte) cipher.Block {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	return block
}

func newAEAD(key []byte) cipher.AEAD {
	aead, err := cipher.NewGCM(newBlock(key))
	if err != nil {
		panic(err)
	}
	return aead
}

// text returns n bytes with no period that a block or chunk could share.
func text(n int) []byte {
	b := make([]byte, n)
	x := uint32(n) + 1
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

// An encryptWriter is what the writers of the package have in common.
type encryptWriter interface {
	io.WriteCloser
	io.ReaderFrom
	Abort(err error)
}

// A mode is a pair of directions with what crypto/cipher makes of the same
// input.
type mode struct {
	name    string
	seal    func(plain []byte) []byte
	writer  func(dst io.Writer, chunk int) encryptWriter
	reader  func(src io.Reader, chunk int) io.Reader
	decrypt []decrypter
}

// A decrypter is one way to read what a mode has sealed.
type decrypter struct {
	name string
	open func(src io.Reader, chunk int) io.Reader

	// How much of the plaintext may come out of a stream whose end was never
	// seen: for "buffered" nothing, for the others no more than was sent.
	buffered bool
	// Whether an altered stream must be rejected.
	authentic bool
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func gcmMode() mode {
	return mode{
		name: "GCM",
		seal: func(plain []byte) []byte { return newAEAD(testKey).Seal(nil, testIV, plain, testAAD) },
		writer: func(dst io.Writer, chunk int) encryptWriter {
			return stream.SetChunkSize(must(stream.NewGCMEncryptWriter(dst, testKey, testIV, testAAD)), chunk)
		},
		reader: func(src io.Reader, chunk int) io.Reader {
			return stream.SetChunkSize(must(stream.NewGCMEncryptReader(src, testKey, testIV, testAAD)), chunk)
		},
		decrypt: []decrypter{
			{name: "DecryptReader", buffered: true, authentic: true, open: func(src io.Reader, chunk int) io.Reader {
				return stream.SetChunkSize(must(stream.NewGCMDecryptReader(src, testKey, testIV, testAAD, 1<<30)), chunk)
			}},
			{name: "UnverifiedReader", authentic: true, open: func(src io.Reader, chunk int) io.Reader {
				return stream.SetChunkSize(must(stream.NewGCMUnverifiedReader(src, testKey, testIV, testAAD)), chunk)
			}},
		},
	}
}

func cbcMode() mode {
	return mode{
		name: "CBC",
		seal: func(plain []byte) []byte { return cbcSeal(testKey, testIV2, plain) },
		writer: func(dst io.Writer, chunk int) encryptWriter {
			return stream.SetChunkSize(must(stream.NewCBCEncryptWriter(dst, testKey, testIV2)), chunk)
		},
		reader: func(src io.Reader, chunk int) io.Reader {
			return stream.SetChunkSize(must(stream.NewCBCEncryptReader(src, testKey, testIV2)), chunk)
		},
		decrypt: []decrypter{
			{name: "DecryptReader", open: func(src io.Reader, chunk int) io.Reader {
				return stream.SetChunkSize(must(stream.NewCBCDecryptReader(src, testKey, testIV2)), chunk)
			}},
		},
	}
}

// cbcSeal is CBC with PKCS #7 padding in one go.
func cbcSeal(key, iv, plain []byte) []byte {
	n := 16 - len(plain)%16
	out := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(n)}, n)...)
	cipher.NewCBCEncrypter(newBlock(key), iv).CryptBlocks(out, out)
	return out
}

// eachMode runs f for both modes.
func eachMode(t *testing.T, f func(t *testing.T, m mode)) {
	for _, m := range []mode{gcmMode(), cbcMode()} {
		t.Run(m.name, func(t *testing.T) { f(t, m) })
	}
}

// eachDecrypter runs f for every way to read each mode.
func eachDecrypter(t *testing.T, f func(t *testing.T, m mode, d decrypter)) {
	eachMode(t, func(t *testing.T, m mode) {
		for _, d := range m.decrypt {
			t.Run(d.name, func(t *testing.T) { f(t, m, d) })
		}
	})
}

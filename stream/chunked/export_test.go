// SPDX-License-Identifier: Apache-2.0

package chunked

import "io"

// MaxRead is the most chunks that a ReaderAt reads from its source in one go.
const MaxRead = maxRead

// Nonce returns the nonce of chunk k for a base nonce.
func Nonce(base [12]byte, k int64) (n [12]byte) {
	s := schedule{base: base}
	s.nonce(&n, k)
	return n
}

// RunSize is how many bytes of plaintext a writer or reader handles in one go.
const RunSize = runSize

// NewEncryptWriterSalt is NewEncryptWriter with a salt of the caller's.
func NewEncryptWriterSalt(dst io.Writer, key, salt, context []byte) (*EncryptWriter, error) {
	return newEncryptWriter(dst, key, salt, context)
}

// NewEncryptReaderSalt is NewEncryptReader with a salt of the caller's.
func NewEncryptReaderSalt(src io.Reader, key, salt, context []byte) (*EncryptReader, error) {
	return newEncryptReader(src, key, salt, context)
}

// Skip makes a new stream believe that k chunks have gone through it already.
// An encrypting one leaves out the header then.
func Skip[T any](s T, k int64) T {
	switch s := any(s).(type) {
	case *EncryptWriter:
		s.s.next, s.s.size = k, k*ChunkSize
	case *EncryptReader:
		s.s.next, s.s.size = k, k*ChunkSize
	case *DecryptReader:
		s.f.next = k
	default:
		panic("cannot skip")
	}
	return s
}

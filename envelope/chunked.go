// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"bytes"
	"io"

	"github.com/s3seal/s3seal/envelope/internal/format"
	"github.com/s3seal/s3seal/stream/chunked"
)

// chunkedFormat is C2SP chunked encryption with the CEK as input key. The salt
// that makes every body's key its own is part of the body, as is the commitment
// to CEK and context.
type chunkedFormat struct{}

func (chunkedFormat) Name() string       { return "Chunked" }
func (chunkedFormat) Wire() string       { return "chunked1" }
func (chunkedFormat) ContentAlg() string { return "S3SEAL/CHUNKED1" }
func (chunkedFormat) SaltSize() int      { return 0 }
func (chunkedFormat) MarksEmpty() bool   { return false }

func (chunkedFormat) Seal(cek, _ []byte, _ bool) (key, salt []byte, err error) {
	return bytes.Clone(cek), nil, nil
}

func (chunkedFormat) Open(cek, _, _ []byte, _ bool) ([]byte, error) {
	return bytes.Clone(cek), nil
}

func (chunkedFormat) CiphertextSize(n int64, _ bool) (int64, error) {
	return chunked.CiphertextSize(n)
}

func (chunkedFormat) PlaintextSize(stored int64, _ bool) (int64, error) {
	return chunked.PlaintextSize(stored)
}

func (chunkedFormat) CiphertextRange(off, n, size int64) (coff, cn int64, err error) {
	return chunked.CiphertextRange(off, n, size)
}

// Edges are the salt and the commitment, and the last chunk, which is read
// together with them where there is no other.
func (chunkedFormat) Edges(size int64) (head, tail int64) {
	const salt, commitment, sealed = 24, 32, chunked.ChunkSize + 16
	head = salt + commitment
	if size-head < sealed {
		return size, 0
	}
	return head, (size - head) % sealed
}

func (chunkedFormat) EncryptReader(src io.Reader, p format.Params) (io.Reader, error) {
	return chunked.NewEncryptReader(src, p.Key, p.Context)
}

func (chunkedFormat) EncryptWriter(dst io.Writer, p format.Params) (format.Writer, error) {
	return chunked.NewEncryptWriter(dst, p.Key, p.Context)
}

func (chunkedFormat) DecryptReader(src io.Reader, p format.Params) (io.Reader, error) {
	return chunked.NewDecryptReader(src, p.Key, p.Context)
}

func (chunkedFormat) ReaderAt(src io.ReaderAt, size int64, p format.Params) (format.ReaderAt, error) {
	return chunked.NewReaderAt(src, size, p.Key, p.Context)
}

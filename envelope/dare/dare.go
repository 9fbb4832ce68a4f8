// SPDX-License-Identifier: Apache-2.0

// Package dare lets package envelope seal and open objects whose content is
// DARE 2.0, the format of MinIO and of github.com/minio/sio (package
// stream/dare). It is a package of its own so that package envelope needs
// nothing but the standard library.
//
// [DARE2] is a value to pass in:
//
//	envelope.SealOptions{Suite: dare.DARE2}
//	envelope.OpenOptions{ExtraSuites: []envelope.Suite{dare.DARE2}, AllowUncommitted: true}
//
// and, where a header is only parsed, [envelope.ParseHeader](meta, dare.DARE2).
//
// # Chunked or DARE
//
// [envelope.Chunked] is the better choice for all new data: it commits to the
// key, so that it opens without any option and may have several recipients.
// DARE is for content that has to pass through software that knows DARE, which
// still needs the key that is derived here.
//
// # What is authenticated
//
// Every byte is verified before it is returned, at any offset, and so is the
// length. What DARE does not do is commit to its key: whoever can write both the
// wrapped key and the body can make a body that opens to one thing under one key
// and to another under the next. That is why reading needs AllowUncommitted.
//
// # The bytes
//
// The body is a DARE 2.0 stream with AES-256-GCM under
//
//	HKDF-SHA-512(input key = CEK, salt, info = "s3seal dare2 v1" || 00 || context), 32 bytes
//
// with 32 random bytes of salt in s3seal-salt, and as context what binds the
// object to its place, or a byte 00.
//
// An empty plaintext has no DARE stream. Its body has 0 bytes, its header says
// s3seal-empty, and its salt is not random but
//
//	HKDF-SHA-512(input key = CEK, no salt, info = "s3seal dare2 v1" || 01 || context), 32 bytes
//
// which stands in for the tag that a body of no bytes cannot have: without it,
// whoever can write metadata could empty any object. A header has to be written
// before the body, so that the writer must say beforehand that there will be
// nothing: see Empty in [envelope.SealOptions]. Sealing nothing without having
// said so is [ErrEmpty], sealing something after having said so is [ErrNotEmpty];
// nothing complete is written then.
//
// # What was rejected
//
// The CEK as the key of DARE: its nonces have 63 random bits, too few for a key
// that several objects might share, and the context would be bound to nothing. A
// random salt for an empty object, which proves nothing. An interface that anybody
// can implement to add a format: it takes promises that no compiler checks, so it
// is internal.
package dare

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha512"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/internal/format"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/dare"
)

// DARE2 is the Suite. It may be used concurrently.
var DARE2 = envelope.NewSuite(suite{})

var (
	// ErrEmpty says that the plaintext was empty and the sealer was not told.
	ErrEmpty = dare.ErrEmpty

	// ErrNotEmpty says that the sealer was told that the plaintext would be
	// empty, and it was not.
	ErrNotEmpty = errors.New("envelope/dare: plaintext is not empty, as had been said")
)

const (
	saltSize = 32
	info     = "s3seal dare2 v1"
)

// suite joins stream/dare with the envelope.
type suite struct{}

func (suite) Name() string       { return "DARE2" }
func (suite) Wire() string       { return "dare2" }
func (suite) ContentAlg() string { return "S3SEAL/DARE2" }
func (suite) SaltSize() int      { return saltSize }
func (suite) MarksEmpty() bool   { return true }

// derive returns a key, or what stands in for the salt of an empty object.
func derive(cek, salt, context []byte, empty bool) ([]byte, error) {
	flag := "\x00"
	if empty {
		flag = "\x01"
	}
	return hkdf.Key(sha512.New, cek, salt, info+flag+string(context), dare.KeySize)
}

func (suite) Seal(cek, context []byte, empty bool) (key, salt []byte, err error) {
	if empty {
		salt, err = derive(cek, nil, context, true)
		return nil, salt, err
	}
	salt = make([]byte, saltSize)
	rand.Read(salt) // never fails
	key, err = derive(cek, salt, context, false)
	return key, salt, err
}

func (suite) Open(cek, salt, context []byte, empty bool) (key []byte, err error) {
	if !empty {
		return derive(cek, salt, context, false)
	}
	want, err := derive(cek, nil, context, true)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(want, salt) != 1 {
		return nil, stream.ErrDecrypt
	}
	return nil, nil
}

func (suite) CiphertextSize(n int64, empty bool) (int64, error) {
	switch {
	case !empty:
		return dare.CiphertextSize(n)
	case n > 0:
		return 0, ErrNotEmpty
	case n < 0:
		return 0, fmt.Errorf("envelope/dare: plaintext size %d is negative", n)
	}
	return 0, nil
}

func (suite) PlaintextSize(stored int64, empty bool) (int64, error) {
	switch {
	case !empty:
		return dare.PlaintextSize(stored)
	case stored != 0:
		return 0, stream.ErrDecrypt
	}
	return 0, nil
}

func (suite) CiphertextRange(off, n, size int64) (coff, cn int64, err error) {
	return dare.CiphertextRange(off, n, size)
}

// Edges is the last package.
func (suite) Edges(size int64) (head, tail int64) {
	const sealed = 16 + dare.PayloadSize + 16
	if size <= sealed {
		return 0, size
	}
	return 0, (size-1)%sealed + 1
}

func (suite) EncryptReader(src io.Reader, p format.Params) (io.Reader, error) {
	if p.Empty {
		return &emptyReader{src: src, full: ErrNotEmpty}, nil
	}
	return dare.NewEncryptReader(src, p.Key)
}

func (suite) EncryptWriter(dst io.Writer, p format.Params) (format.Writer, error) {
	if p.Empty {
		return new(emptyWriter), nil
	}
	return dare.NewEncryptWriter(dst, p.Key)
}

func (suite) DecryptReader(src io.Reader, p format.Params) (io.Reader, error) {
	if p.Empty {
		return &emptyReader{src: src, full: stream.ErrDecrypt}, nil
	}
	return dare.NewDecryptReader(src, p.Key)
}

func (suite) ReaderAt(src io.ReaderAt, size int64, p format.Params) (format.ReaderAt, error) {
	if !p.Empty {
		return dare.NewReaderAt(src, size, p.Key)
	}
	if size != 0 {
		return nil, stream.ErrDecrypt
	}
	return emptyReaderAt{}, nil
}

// SPDX-License-Identifier: Apache-2.0

package chunked_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/chunked"
)

const (
	chunk  = 16384
	sealed = 16400
	header = 56
)

var (
	testKey     = []byte("0123456789abcdef0123456789abcdef")
	testSalt    = []byte("twenty-four bytes salt!!")
	testContext = []byte("bucket/key")
)

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

// seal returns the stream of plain, by the specification.
func seal(plain []byte) []byte { return specSeal(testKey, testSalt, testContext, plain) }

// A decrypter is one way through the package, from the front to the end or to
// the first error. A nil error says that the stream was accepted as whole.
type decrypter func(key, context, ct []byte) ([]byte, error)

var decrypters = map[string]decrypter{
	"Read": func(key, context, ct []byte) ([]byte, error) {
		r, err := chunked.NewDecryptReader(bytes.NewReader(ct), key, context)
		if err != nil {
			return nil, err
		}
		return io.ReadAll(struct{ io.Reader }{r})
	},
	"WriteTo": func(key, context, ct []byte) ([]byte, error) {
		r, err := chunked.NewDecryptReader(bytes.NewReader(ct), key, context)
		if err != nil {
			return nil, err
		}
		var got bytes.Buffer
		_, err = r.WriteTo(&got)
		return got.Bytes(), err
	},
	"ReaderAt": func(key, context, ct []byte) ([]byte, error) {
		return readAll(bytes.NewReader(ct), int64(len(ct)), key, context, 50_000)
	},
}

// readAll reads a stream by ReadAt, step bytes at a time.
func readAll(src io.ReaderAt, size int64, key, context []byte, step int) ([]byte, error) {
	r, err := chunked.NewReaderAt(src, size, key, context)
	if err != nil {
		return nil, err
	}
	got := make([]byte, 0, r.Size())
	for p := make([]byte, step); err == nil; {
		var n int
		n, err = r.ReadAt(p, int64(len(got)))
		got = append(got, p[:n]...)
	}
	if err != io.EOF {
		return got, err
	}
	if int64(len(got)) != r.Size() {
		return got, fmt.Errorf("%d bytes, but Size = %d", len(got), r.Size())
	}
	return got, nil
}

func isDecrypt(err error) bool { return errors.Is(err, stream.ErrDecrypt) }

func eachDecrypter(t *testing.T, f func(t *testing.T, open decrypter)) {
	t.Helper()
	for name, open := range decrypters {
		t.Run(name, func(t *testing.T) { f(t, open) })
	}
}

// rejected checks that ct, which is not what it should be, is rejected after
// no more than a genuine prefix of plain.
func rejected(open decrypter, ct, plain []byte) error {
	got, err := open(testKey, testContext, ct)
	if !isDecrypt(err) {
		return fmt.Errorf("error %v, want ErrDecrypt", err)
	}
	if !bytes.HasPrefix(plain, got) {
		return fmt.Errorf("%d bytes came out that are not how the plaintext begins", len(got))
	}
	return nil
}

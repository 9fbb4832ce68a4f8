// SPDX-License-Identifier: Apache-2.0

package dare_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/minio/sio"

	"github.com/s3seal/s3seal/stream/dare"
)

var (
	testKey   = []byte("a key of 32 bytes for all tests.")
	testNonce = [8]byte{0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88}

	errFault = errors.New("fault")
)

// text returns n bytes in which nothing repeats at the distance of a package.
func text(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i*i>>7 + i + i>>16)
	}
	return p
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// seal encrypts by the reference.
func seal(plain []byte) []byte { return specSeal(testKey, testNonce, plain) }

// pinned is the configuration in which sio is at its best.
func pinned() sio.Config {
	return sio.Config{
		MinVersion:   sio.Version20,
		MaxVersion:   sio.Version20,
		CipherSuites: []byte{sio.AES_256_GCM},
		Key:          testKey,
	}
}

// sioSeal encrypts by sio.
func sioSeal(t *testing.T, plain []byte, c sio.Config) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := sio.Encrypt(&out, bytes.NewReader(plain), c); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// decrypt reads all that can be read of sealed.
func decrypt(sealed []byte) ([]byte, error) {
	r, err := dare.NewDecryptReader(bytes.NewReader(sealed), testKey)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// readAt reads all of sealed by a ReaderAt, in one call.
func readAt(sealed []byte) ([]byte, error) {
	r, err := dare.NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), testKey)
	if err != nil {
		return nil, err
	}
	p := make([]byte, r.Size())
	n, err := r.ReadAt(p, 0)
	return p[:n], err
}

// pieces returns the packages of a stream.
func pieces(sealed []byte) [][]byte { return slices.Collect(slices.Chunk(sealed, dare.PackageSize)) }

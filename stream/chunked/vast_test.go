// SPDX-License-Identifier: Apache-2.0

package chunked_test

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/s3seal/s3seal/stream/chunked"
)

// A vast is a stream that nobody could store: its chunks are made when they are
// read. Byte i of its plaintext is byte i%8 of the number i/8.
type vast struct {
	aead   cipher.AEAD
	base   []byte
	header []byte
	size   int64 // of the plaintext
	made   int   // chunks
}

func newVast(size int64) *vast {
	aead, base, commitment := specKeys(testKey, testSalt, testContext)
	return &vast{aead: aead, base: base, header: slices.Concat(testSalt, commitment), size: size}
}

// numbers returns the n bytes of plaintext from off, a multiple of 8, on.
func numbers(off, n int64) []byte {
	var p []byte
	for i := off / 8; int64(len(p)) < n; i++ {
		p = binary.BigEndian.AppendUint64(p, uint64(i))
	}
	return p[:n]
}

// ReadAt serves the header, and whole chunks.
func (v *vast) ReadAt(p []byte, off int64) (n int, err error) {
	if off == 0 {
		return copy(p, v.header), nil
	}
	if (off-header)%sealed != 0 {
		return 0, fmt.Errorf("read at %d, which is no edge", off)
	}
	for k := (off - header) / sealed; n < len(p); k++ {
		plain := numbers(k*chunk, min(chunk, v.size-k*chunk))
		n += copy(p[n:], v.aead.Seal(nil, specNonce(v.base, k), plain, nil))
		v.made++
	}
	return n, nil
}

// TestVast reads streams of 1 TiB and 4 PiB at their ends, in their middle and
// around every offset at which a counter of some width would turn over.
func TestVast(t *testing.T) {
	for _, size := range []int64{tib, tib + 3, 4*pib - 1, 4*pib - chunk, 4*pib - chunk + 1} {
		t.Run(fmt.Sprintf("size=%d", size), func(t *testing.T) {
			src := newVast(size)
			total := must(chunked.CiphertextSize(size))
			r, err := chunked.NewReaderAt(src, total, testKey, testContext)
			if err != nil {
				t.Fatal(err)
			}
			if r.Size() != size {
				t.Errorf("Size = %d, want %d", r.Size(), size)
			}
			for _, at := range []int64{0, chunk, 256 * chunk, 1 << 31, 1 << 32, 1 << 36, 1 << 39, 1 << 46, 1 << 48, 1 << 51, size / 2, size} {
				if at <= size {
					checkVast(t, r, at)
				}
			}
			if src.made > 100 {
				t.Errorf("%d chunks were read, want a few", src.made)
			}
			if _, err := chunked.NewReaderAt(src, total-sealed, testKey, testContext); !isDecrypt(err) {
				t.Errorf("a chunk less: %v, want ErrDecrypt", err)
			}
		})
	}
}

// checkVast reads 32 bytes around an offset.
func checkVast(t *testing.T, r *chunked.ReaderAt, at int64) {
	t.Helper()
	off := max(at-16, 0)
	p := make([]byte, 32)
	n, err := r.ReadAt(p, off)
	want := min(32, r.Size()-off)
	if int64(n) != want || (err == io.EOF) != (want < 32) || err != nil && err != io.EOF {
		t.Errorf("ReadAt at %d = %d, %v, want %d", off, n, err, want)
	}
	if got := numbers(off&^7, 48)[off&7:]; !bytes.Equal(p[:n], got[:n]) {
		t.Errorf("ReadAt at %d: got %x, want %x", off, p[:n], got[:n])
	}
}

// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"io"

	"github.com/s3seal/s3seal/envelope/internal/format"
)

// verifiedStep is how much plaintext is asked for at once. It begins and ends
// where something is verified as a whole, so that nothing is read twice.
const verifiedStep = 1 << 20

// A verifiedRange is a range of the plaintext of a format that verifies what it
// reads at any offset. It relies on bodyReader for sticky errors.
type verifiedRange struct {
	content  *content
	src      *partedReader
	at       format.ReaderAt // nil until the edges were read
	size     int64
	off, end int64 // of the plaintext that is left
	buf      []byte
	out      []byte // what is left of buf
}

func newVerifiedRange(c *content, src io.Reader, parts []BodyRange, off, n, size int64) *verifiedRange {
	return &verifiedRange{content: c, src: newPartedReader(src, parts, c.format, size), size: size, off: off, end: off + n}
}

// Read yields verified plaintext.
func (r *verifiedRange) Read(p []byte) (int, error) {
	if len(r.out) == 0 {
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.out)
	clear(r.out[:n])
	r.out = r.out[n:]
	return n, nil
}

// fill decrypts the next step.
func (r *verifiedRange) fill() (err error) {
	if r.at == nil {
		// Also for a range without a byte, which nothing else would verify.
		at, err := r.content.format.ReaderAt(r.src, r.size, r.content.params())
		if err != nil {
			return err
		}
		r.at = at
	}
	if r.off >= r.end {
		return io.EOF
	}
	n := min(r.end, (r.off/verifiedStep+1)*verifiedStep) - r.off
	if int64(cap(r.buf)) < n {
		r.buf = make([]byte, min(verifiedStep, r.end-r.off))
	}
	m, err := r.at.ReadAt(r.buf[:n], r.off)
	if int64(m) < n {
		clear(r.buf[:max(m, 0)])
		if err == nil || err == io.EOF {
			err = ErrDecrypt // the plaintext has the size that it should have, so there was more
		}
		return err
	}
	r.out, r.off = r.buf[:n], r.off+n
	return nil
}

// Close clears what was decrypted and not read.
func (r *verifiedRange) Close() error {
	clear(r.out)
	r.out, r.off = nil, r.end
	return nil
}

// SPDX-License-Identifier: Apache-2.0

package stream

import "io"

// A GCMUnverifiedReader decrypts a GCM stream, ciphertext || tag, of any
// length in constant memory.
//
// The plaintext is NOT authenticated until Read returns [io.EOF] or WriteTo
// returns nil: until then it may have been altered by whoever holds the
// ciphertext. Use it only where nothing is done with the plaintext before
// that, and discard all of it on any other error. [GCMDecryptReader] releases
// nothing unverified.
//
// A GCMUnverifiedReader is not safe for concurrent use.
type GCMUnverifiedReader struct {
	s   scanner
	buf *chunk
	out []byte // plaintext in buf that was not read yet
	err error
}

var _ io.WriterTo = (*GCMUnverifiedReader)(nil)

// NewGCMUnverifiedReader returns a reader of the plaintext of src. The key has
// 16, 24 or 32 bytes, the IV 12; aad is what it was encrypted with. None of
// them is retained. The error is [ErrFIPS] or names the argument with the
// wrong length.
//
// It may be called concurrently.
func NewGCMUnverifiedReader(src io.Reader, key, iv, aad []byte) (*GCMUnverifiedReader, error) {
	g, err := newGCM(key, iv, aad)
	if err != nil {
		return nil, err
	}
	return &GCMUnverifiedReader{s: scanner{src: source{r: src}, g: g}, buf: newChunk()}, nil
}

// Read decrypts up to len(p) bytes, unverified. It reads a chunk of 128 KiB
// from the source, or all there is, before it yields any of it. It returns
// [io.EOF] once the tag has been verified, [ErrDecrypt] if it is wrong or the
// stream too short to have one, [ErrTooLarge] if the stream passes
// [GCMMaxSize], and the error of the source, wrapped. After any error it fails
// for ever.
func (r *GCMUnverifiedReader) Read(p []byte) (int, error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	if err := r.next(); err != nil {
		return 0, err
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

// WriteTo decrypts all that is left of the stream to dst, unverified. It
// returns nil once the tag has been verified; on any other error what dst got
// must be discarded.
func (r *GCMUnverifiedReader) WriteTo(dst io.Writer) (n int64, err error) {
	for {
		if err := r.next(); err == io.EOF {
			return n, nil
		} else if err != nil {
			return n, err
		}
		r.err = sinkError(errUnfinished)
		if r.err = writeSink(dst, r.out); r.err != nil {
			return n, r.fail(r.err)
		}
		n += int64(len(r.out))
		r.out = nil
	}
}

// next makes sure that there is plaintext in out.
func (r *GCMUnverifiedReader) next() error {
	for r.err == nil && len(r.out) == 0 {
		if r.s.end {
			return r.fail(io.EOF)
		}
		n, plain, err := r.s.next(r.buf[:])
		if err != nil {
			return r.fail(err)
		}
		if !plain {
			r.s.g.ctr.XORKeyStream(r.buf[:n], r.buf[:n])
		}
		r.out = r.buf[:n]
	}
	return r.err
}

func (r *GCMUnverifiedReader) fail(err error) error {
	r.err = err
	r.s.g.wipe()
	r.buf.free()
	r.buf, r.out = nil, nil
	return err
}

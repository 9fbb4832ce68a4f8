// SPDX-License-Identifier: Apache-2.0

package stream

import "io"

// A reader pulls plaintext from a source and yields ciphertext.
type reader struct {
	src source
	enc encrypter
	buf *chunk
	out []byte // ciphertext in buf that was not read yet
	end bool   // out is the last of the stream
	err error
}

func newReader(src io.Reader, enc encrypter) reader {
	return reader{src: source{r: src}, enc: enc, buf: newChunk()}
}

func (r *reader) fail(err error) error {
	r.err = err
	r.enc.wipe()
	r.buf.free()
	r.buf, r.out = nil, nil
	return err
}

func (r *reader) read(p []byte) (int, error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	if len(r.out) == 0 {
		if r.end {
			return 0, r.fail(io.EOF)
		}
		if err := r.next(); err != nil {
			return 0, r.fail(err)
		}
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

// next encrypts the next chunk into out.
func (r *reader) next() error {
	n, err := r.src.fill(r.buf[:chunkSize])
	if err != nil && err != io.EOF {
		return err
	}
	if err := r.enc.admit(n); err != nil {
		return err
	}
	if err == io.EOF {
		r.end = true
		r.out = r.enc.final(r.buf[:n])
		return nil
	}
	r.enc.update(r.buf[:chunkSize], r.buf[:chunkSize])
	r.out = r.buf[:chunkSize]
	return nil
}

// SPDX-License-Identifier: Apache-2.0

package stream

import "io"

// A feed is what a reader of this package yields, piece by piece.
type feed interface {
	// next returns the next piece, which may be empty and is valid until the
	// next call. The last piece comes with io.EOF; any other error comes
	// alone. It is not called again after an error.
	next() ([]byte, error)

	// wipe clears what is secret and gives buffers back. It is called once,
	// when the last piece has been used up.
	wipe()
}

// A puller is the io.Reader and io.WriterTo of a feed.
type puller struct {
	f   feed
	out []byte // of the current piece, what was not read yet
	end bool   // it is the last
	err error
}

// more makes sure that there is something in out.
func (r *puller) more() error {
	for r.err == nil && len(r.out) == 0 {
		out, err := r.f.next()
		if err != nil && err != io.EOF {
			return r.fail(err)
		}
		r.end = err == io.EOF
		r.use(out)
	}
	return r.err
}

// use sets what is left of the current piece. The end is taken note of with
// the last byte, not with the Read after it: who knows the size of a stream
// may never call that one, and the buffers would be lost.
func (r *puller) use(left []byte) {
	r.out = left
	if r.end && len(left) == 0 {
		r.fail(io.EOF)
	}
}

// fail ends the stream: every later call returns err.
func (r *puller) fail(err error) error {
	r.err = err
	r.out = nil
	r.f.wipe()
	return err
}

func (r *puller) read(p []byte) (int, error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	if err := r.more(); err != nil {
		return 0, err
	}
	n := copy(p, r.out)
	r.use(r.out[n:])
	return n, nil
}

func (r *puller) writeTo(dst io.Writer) (n int64, err error) {
	for {
		if err := r.more(); err == io.EOF {
			return n, nil
		} else if err != nil {
			return n, err
		}
		r.err = errWriting
		m, err := writeSink(dst, r.out)
		r.err = nil
		n += int64(m)
		if err != nil {
			return n, r.fail(err)
		}
		r.use(nil)
	}
}

// An encryptFeed pulls plaintext from a source and yields ciphertext.
type encryptFeed struct {
	src  source
	enc  encrypter
	buf  *chunk
	size int // of a chunk
}

func newEncryptPuller(src io.Reader, enc encrypter) puller {
	return puller{f: &encryptFeed{src: source{r: src}, enc: enc, buf: newChunk(), size: chunkSize}}
}

func (f *encryptFeed) next() ([]byte, error) {
	n, err := f.src.fill(f.buf[:f.size])
	if err != nil && err != io.EOF {
		return nil, err
	}
	if err := f.enc.admit(n); err != nil {
		return nil, err
	}
	if err == io.EOF {
		return f.enc.final(f.buf[:n]), io.EOF
	}
	f.enc.update(f.buf[:], f.buf[:f.size])
	return f.buf[:f.size], nil
}

func (f *encryptFeed) wipe() {
	f.enc.wipe()
	f.buf.free()
}

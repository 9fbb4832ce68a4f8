// SPDX-License-Identifier: Apache-2.0

package engine

import "io"

// A Feed is what a reader of this package yields, piece by piece.
type Feed interface {
	// Next returns the next piece, which may be empty and is valid until the
	// next call. The last piece comes with io.EOF; any other error comes
	// alone. It is not called again after an error.
	Next() ([]byte, error)

	// Wipe clears what is secret and gives buffers back. It is called once,
	// when the last piece has been used up.
	Wipe()
}

// A Puller is the io.Reader and io.WriterTo of a Feed.
type Puller struct {
	F   Feed
	out []byte // of the current piece, what was not read yet
	end bool   // it is the last
	Err error
}

// more makes sure that there is something in out.
func (r *Puller) more() error {
	for r.Err == nil && len(r.out) == 0 {
		out, err := r.F.Next()
		if err != nil && err != io.EOF {
			return r.fail(err)
		}
		r.end = err == io.EOF
		r.use(out)
	}
	return r.Err
}

// use sets what is left of the current piece. The end is taken note of with
// the last byte, not with the Read after it: who knows the size of a stream
// may never call that one, and the buffers would be lost.
func (r *Puller) use(left []byte) {
	r.out = left
	if r.end && len(left) == 0 {
		r.fail(io.EOF)
	}
}

// fail ends the stream: every later call returns err.
func (r *Puller) fail(err error) error {
	r.Err = err
	r.out = nil
	r.F.Wipe()
	return err
}

func (r *Puller) Read(p []byte) (int, error) {
	if r.Err != nil || len(p) == 0 {
		return 0, r.Err
	}
	if err := r.more(); err != nil {
		return 0, err
	}
	n := copy(p, r.out)
	r.use(r.out[n:])
	return n, nil
}

func (r *Puller) WriteTo(dst io.Writer) (n int64, err error) {
	for {
		if err := r.more(); err == io.EOF {
			return n, nil
		} else if err != nil {
			return n, err
		}
		r.Err = errWriting
		m, err := WriteSink(dst, r.out)
		r.Err = nil
		n += int64(m)
		if err != nil {
			return n, r.fail(err)
		}
		r.use(nil)
	}
}

// An EncryptFeed pulls plaintext from a source and yields ciphertext.
type EncryptFeed struct {
	src  Source
	Enc  Encrypter
	Buf  *Chunk
	Size int // of a chunk
}

// NewEncryptPuller returns a Puller of what enc makes of src.
func NewEncryptPuller(src io.Reader, enc Encrypter) Puller {
	return Puller{F: &EncryptFeed{src: Source{R: src}, Enc: enc, Buf: NewChunk(), Size: ChunkSize}}
}

func (f *EncryptFeed) Next() ([]byte, error) {
	n, err := f.src.Fill(f.Buf[:f.Size])
	if err != nil && err != io.EOF {
		return nil, err
	}
	if err := f.Enc.Admit(n); err != nil {
		return nil, err
	}
	if err == io.EOF {
		return f.Enc.Final(f.Buf[:n]), io.EOF
	}
	f.Enc.Update(f.Buf[:], f.Buf[:f.Size])
	return f.Buf[:f.Size], nil
}

func (f *EncryptFeed) Wipe() {
	f.Enc.Wipe()
	f.Buf.Free()
}

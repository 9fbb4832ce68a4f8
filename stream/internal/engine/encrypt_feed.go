// SPDX-License-Identifier: Apache-2.0

package engine

import "io"

// An EncryptFeed pulls plaintext from a source and yields ciphertext.
type EncryptFeed struct {
	src   Source
	Enc   Encrypter
	Buf   *Chunk
	Size  int   // of a chunk
	n     int   // bytes of plaintext that were read last
	ended bool  // the source has, and nothing but them in Buf is left
	most  int   // bytes that came of a chunk, once one was encrypted
	piece Piece // for chunks that go alone
}

// NewEncryptFeed returns a Feed of what enc makes of chunks of src, of size bytes
// each, at most [ChunkSize].
func NewEncryptFeed(src io.Reader, enc Encrypter, size int) *EncryptFeed {
	return &EncryptFeed{src: Source{R: src}, Enc: enc, Buf: NewChunk(), Size: size}
}

// Next implements Feed.
func (f *EncryptFeed) Next() ([]byte, error) {
	p := &f.piece
	p.Buf = f.Buf
	if !f.ended {
		err := f.Produce(p)
		f.Buf = p.Buf
		if err == nil {
			f.Work(p)
			f.Enc.Join(p)
			f.most = len(p.Out)
			return p.Out, nil
		}
		if err != io.EOF {
			return nil, err
		}
	}
	p.In, p.Buf = f.Buf[:f.n], f.Buf
	f.Enc.Final(p)
	return p.Out, io.EOF
}

// Many implements Feed.
func (f *EncryptFeed) Many() int {
	if f.ended || !f.Enc.Parallel() {
		return 0
	}
	return f.most
}

// Produce implements Feed.
func (f *EncryptFeed) Produce(p *Piece) error {
	f.n = f.Size // who fails may have written anywhere
	n, err := f.src.Fill(p.Buf[:f.Size])
	if err != nil && err != io.EOF {
		return err
	}
	f.n = n
	if err := f.Enc.Admit(n); err != nil {
		return err
	}
	if err == io.EOF {
		f.Buf, p.Buf, f.ended = p.Buf, f.Buf, true
		return io.EOF
	}
	p.In = p.Buf[:n]
	f.Enc.Begin(p)
	return nil
}

// Work implements Feed.
func (f *EncryptFeed) Work(p *Piece) { f.Enc.Work(p) }

// Join implements Feed.
func (f *EncryptFeed) Join(p *Piece) error {
	f.Enc.Join(p)
	return nil
}

// Wipe implements Feed.
func (f *EncryptFeed) Wipe() {
	f.Enc.Wipe()
	used := f.n
	if f.most > 0 {
		used = len(f.Buf)
	}
	f.Buf.FreeFirst(used)
	f.piece = Piece{}
}

// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"crypto/cipher"
	"io"

	"github.com/s3seal/s3seal/stream/internal/engine"
)

// A CBCDecryptReader decrypts an AES-CBC stream with PKCS #7 padding, in
// constant memory.
//
// The plaintext is NOT authenticated, not even at io.EOF: altered ciphertext
// decrypts to altered plaintext, and a stream cut at a block boundary passes
// whenever its last byte happens to look like padding, one time in 256. The
// padding is checked in constant time, but whoever can submit ciphertexts and
// learn whether they were rejected can still decrypt a stream without the key;
// no implementation can prevent that.
//
// A CBCDecryptReader is not safe for concurrent use.
type CBCDecryptReader struct{ r engine.Puller }

var _ io.WriterTo = (*CBCDecryptReader)(nil)

// NewCBCDecryptReader returns a reader of the plaintext of src. The key has
// 16, 24 or 32 bytes, the IV 16; neither is retained. The error names the
// argument with the wrong length.
//
// It may be called concurrently.
func NewCBCDecryptReader(src io.Reader, key, iv []byte) (*CBCDecryptReader, error) {
	block, err := newBlock(key, iv, BlockSize)
	if err != nil {
		return nil, err
	}
	return &CBCDecryptReader{engine.Puller{F: &cbcFeed{
		src:   engine.Source{R: src},
		block: block,
		iv:    [BlockSize]byte(iv),
		buf:   engine.NewChunk(),
		size:  engine.ChunkSize,
	}}}, nil
}

// Read decrypts up to len(p) bytes, unauthenticated. It reads a chunk of 128
// KiB from the source, or all there is, before it yields any of it; for a p of
// 1 MiB or more, as many chunks as fit in p, up to 4 MiB. It returns
// [io.EOF] if the stream ended in proper padding, [ErrDecrypt] if it did not,
// is empty, or not a whole number of blocks, and the error of the source,
// wrapped. After any error it fails for ever.
func (r *CBCDecryptReader) Read(p []byte) (int, error) { return r.r.Read(p) }

// WriteTo decrypts all that is left of the stream to dst, unauthenticated,
// reading up to two chunks a core ahead of what dst has got. It returns how many
// bytes dst has taken, and nil if the stream ended in proper padding. Its errors
// are those of Read, and that of dst, wrapped.
func (r *CBCDecryptReader) WriteTo(dst io.Writer) (n int64, err error) { return r.r.WriteTo(dst) }

type cbcFeed struct {
	src   engine.Source
	block cipher.Block
	iv    [BlockSize]byte  // the last block of the ciphertext so far
	mode  cipher.BlockMode // for chunks that go alone, nil if iv has moved on
	buf   *engine.Chunk
	size  int             // of a chunk
	last  [BlockSize]byte // the last block of the plaintext so far, held back
	held  int             // bytes in last: none before the first chunk
	rest  int             // bytes that were read last
	ended bool            // the source has, and rest of them are in buf
}

// Next implements engine.Feed.
func (f *cbcFeed) Next() ([]byte, error) {
	n, err := f.rest, io.EOF
	if !f.ended {
		n, err = f.fill(f.buf)
	}
	if err != nil && err != io.EOF {
		return nil, err
	}
	if f.mode == nil {
		f.mode = cipher.NewCBCDecrypter(f.block, f.iv[:])
	}
	in := f.buf[BlockSize : BlockSize+n]
	f.follow(in)
	f.mode.CryptBlocks(in, in)
	out := f.join(f.buf, n)
	if err == nil {
		return f.hold(out), nil
	}
	if n, err = unpad(out); err != nil {
		return nil, err
	}
	return out[:n], io.EOF
}

// fill reads a chunk into buf, behind a block's space. With what there is at
// the end of the source it returns io.EOF.
func (f *cbcFeed) fill(buf *engine.Chunk) (n int, err error) {
	n, err = f.src.Fill(buf[BlockSize : BlockSize+f.size])
	f.rest = n
	if (err == nil || err == io.EOF) && n%BlockSize != 0 {
		return 0, ErrDecrypt
	}
	return n, err
}

// follow makes the last block of the ciphertext in the next IV.
func (f *cbcFeed) follow(in []byte) {
	if len(in) > 0 {
		f.iv = [BlockSize]byte(in[len(in)-BlockSize:])
	}
}

// join puts the block that was held back before the plaintext in buf.
func (f *cbcFeed) join(buf *engine.Chunk, n int) []byte {
	copy(buf[BlockSize-f.held:], f.last[:f.held])
	return buf[BlockSize-f.held : BlockSize+n]
}

// hold holds back the last block of out, which may be padding.
func (f *cbcFeed) hold(out []byte) []byte {
	n := len(out) - BlockSize
	f.held = copy(f.last[:], out[n:])
	return out[:n]
}

// Many implements engine.Feed.
func (f *cbcFeed) Many() int {
	if f.held == 0 || f.ended {
		return 0
	}
	return f.size
}

// Produce implements engine.Feed.
func (f *cbcFeed) Produce(p *engine.Piece) error {
	n, err := f.fill(p.Buf)
	if err == io.EOF {
		f.buf, p.Buf, f.ended = p.Buf, f.buf, true
	}
	if err != nil {
		return err
	}
	f.mode = nil
	p.In, p.Block = p.Buf[BlockSize:BlockSize+n], f.iv
	f.follow(p.In)
	return nil
}

// Work implements engine.Feed.
func (f *cbcFeed) Work(p *engine.Piece) {
	cipher.NewCBCDecrypter(f.block, p.Block[:]).CryptBlocks(p.In, p.In)
}

// Join implements engine.Feed.
func (f *cbcFeed) Join(p *engine.Piece) error {
	p.Out = f.hold(f.join(p.Buf, len(p.In)))
	return nil
}

// Wipe implements engine.Feed.
func (f *cbcFeed) Wipe() {
	f.block, f.mode = nil, nil
	clear(f.last[:])
	used := f.rest
	if f.held > 0 {
		used = len(f.buf)
	}
	f.buf.FreeFirst(used)
}

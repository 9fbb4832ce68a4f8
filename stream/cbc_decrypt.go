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
		src:  engine.Source{R: src},
		mode: cipher.NewCBCDecrypter(block, iv),
		buf:  engine.NewChunk(),
		size: engine.ChunkSize,
	}}}, nil
}

// Read decrypts up to len(p) bytes, unauthenticated. It reads a chunk of 128
// KiB from the source, or all there is, before it yields any of it. It returns
// [io.EOF] if the stream ended in proper padding, [ErrDecrypt] if it did not,
// is empty, or not a whole number of blocks, and the error of the source,
// wrapped. After any error it fails for ever.
func (r *CBCDecryptReader) Read(p []byte) (int, error) { return r.r.Read(p) }

// WriteTo decrypts all that is left of the stream to dst, unauthenticated.
func (r *CBCDecryptReader) WriteTo(dst io.Writer) (n int64, err error) { return r.r.WriteTo(dst) }

type cbcFeed struct {
	src  engine.Source
	mode cipher.BlockMode
	buf  *engine.Chunk
	size int             // of a chunk
	last [BlockSize]byte // the last block of the plaintext so far, held back
	held int             // bytes in last: none before the first chunk
}

// next decrypts the next chunk, behind the block that was held back from the
// one before, and holds its own last block back, which may be padding.
func (f *cbcFeed) Next() ([]byte, error) {
	copy(f.buf[:], f.last[:f.held])
	in := f.buf[f.held : f.held+f.size]
	n, err := f.src.Fill(in)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if n%BlockSize != 0 {
		return nil, ErrDecrypt
	}
	f.mode.CryptBlocks(in[:n], in[:n])
	out := f.buf[:f.held+n]
	if err == io.EOF {
		n, err := unpad(out)
		if err != nil {
			return nil, err
		}
		return out[:n], io.EOF
	}
	out = out[:len(out)-BlockSize]
	f.held = copy(f.last[:], f.buf[len(out):])
	return out, nil
}

func (f *cbcFeed) Wipe() {
	f.mode = nil
	clear(f.last[:])
	f.buf.Free()
}

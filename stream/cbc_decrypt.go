// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"crypto/cipher"
	"io"
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
type CBCDecryptReader struct {
	src  source
	mode cipher.BlockMode
	buf  *chunk
	held [BlockSize]byte // the last block of plaintext read so far
	has  bool            // held is in use
	end  bool
	out  []byte // plaintext in buf that was not read yet
	err  error
}

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
	return &CBCDecryptReader{
		src:  source{r: src},
		mode: cipher.NewCBCDecrypter(block, iv),
		buf:  newChunk(),
	}, nil
}

// Read decrypts up to len(p) bytes, unauthenticated. It reads a chunk of 128
// KiB from the source, or all there is, before it yields any of it. It returns
// [io.EOF] if the stream ended in proper padding, [ErrDecrypt] if it did not,
// is empty, or not a whole number of blocks, and the error of the source,
// wrapped. After any error it fails for ever.
func (r *CBCDecryptReader) Read(p []byte) (int, error) {
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

// WriteTo decrypts all that is left of the stream to dst, unauthenticated.
func (r *CBCDecryptReader) WriteTo(dst io.Writer) (n int64, err error) {
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
func (r *CBCDecryptReader) next() error {
	for r.err == nil && len(r.out) == 0 {
		if r.end {
			return r.fail(io.EOF)
		}
		if err := r.load(); err != nil {
			return r.fail(err)
		}
	}
	return r.err
}

// load decrypts the next chunk, behind the block that was held back from the
// one before, and holds its last block back.
func (r *CBCDecryptReader) load() error {
	in := r.buf[BlockSize:]
	n, err := r.src.fill(in)
	if err != nil && err != io.EOF {
		return err
	}
	r.end = err == io.EOF
	if n%BlockSize != 0 {
		return ErrDecrypt
	}
	r.mode.CryptBlocks(in[:n], in[:n])
	all := in[:n]
	if r.has {
		copy(r.buf[:], r.held[:])
		all = r.buf[:BlockSize+n]
	}
	if r.end {
		n, err := unpad(all)
		r.out = all[:n]
		return err
	}
	r.has = true
	copy(r.held[:], all[len(all)-BlockSize:])
	r.out = all[:len(all)-BlockSize]
	return nil
}

func (r *CBCDecryptReader) fail(err error) error {
	r.err = err
	r.mode = nil
	clear(r.held[:])
	r.buf.free()
	r.buf, r.out = nil, nil
	return err
}

// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"io"
	"testing"

	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/streamtest"
)

// The suite tests Abort only where it finds it.
var (
	_ interface{ Abort(error) } = (*stream.CBCEncryptWriter)(nil)
	_ interface{ Abort(error) } = (*stream.GCMEncryptWriter)(nil)
)

// A sample is a plaintext in all modes, encrypted by crypto/cipher, and the
// size of the chunks that streams are to work in.
type sample struct {
	chunk               int
	key, iv, aad, nonce []byte
	plain               []byte
	cbc, gcm, ctr       []byte
}

func newSample(t *testing.T, n, chunk int) *sample {
	t.Helper()
	s := &sample{
		chunk: chunk,
		key:   []byte("0123456789abcdef0123456789abcdef"),
		iv:    []byte("sixteen bytes iv"),
		nonce: []byte("twelve bytes"),
		aad:   []byte("additional data!!"),
		plain: make([]byte, n),
	}
	for i := range s.plain {
		s.plain[i] = byte(i*i>>7 + i)
	}
	block, err := aes.NewCipher(s.key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	s.gcm = aead.Seal(nil, s.nonce, s.plain, s.aad)
	pad := aes.BlockSize - n%aes.BlockSize
	s.cbc = append(bytes.Clone(s.plain), bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, s.iv).CryptBlocks(s.cbc, s.cbc)
	s.ctr = make([]byte, n)
	cipher.NewCTR(block, s.iv).XORKeyStream(s.ctr, s.plain)
	return s
}

// inChunks takes what a constructor returns, and makes it a stream that works
// in chunks of n bytes.
func inChunks[T any](s T, err error) func(n int) (T, error) {
	return func(n int) (T, error) {
		if err != nil {
			return s, err
		}
		return stream.SetChunkSize(s, n), nil
	}
}

// chunked are the types that work in chunks.
var chunked = map[string]func(s *sample) error{
	"CBCEncryptWriter": func(s *sample) error {
		return streamtest.TestEncryptWriter(func(dst io.Writer) (io.WriteCloser, error) {
			return inChunks(stream.NewCBCEncryptWriter(dst, s.key, s.iv))(s.chunk)
		}, s.plain, s.cbc)
	},
	"CBCEncryptReader": func(s *sample) error {
		return streamtest.TestEncryptReader(func(src io.Reader) (io.Reader, error) {
			return inChunks(stream.NewCBCEncryptReader(src, s.key, s.iv))(s.chunk)
		}, s.plain, s.cbc)
	},
	"CBCDecryptReader": func(s *sample) error {
		return streamtest.TestDecryptReader(func(src io.Reader) (io.Reader, error) {
			return inChunks(stream.NewCBCDecryptReader(src, s.key, s.iv))(s.chunk)
		}, s.cbc, s.plain, &streamtest.DecryptOptions{Assurance: streamtest.Unauthenticated, Rejected: stream.ErrDecrypt})
	},
	"GCMEncryptWriter": func(s *sample) error {
		return streamtest.TestEncryptWriter(func(dst io.Writer) (io.WriteCloser, error) {
			return inChunks(stream.NewGCMEncryptWriter(dst, s.key, s.nonce, s.aad))(s.chunk)
		}, s.plain, s.gcm)
	},
	"GCMEncryptReader": func(s *sample) error {
		return streamtest.TestEncryptReader(func(src io.Reader) (io.Reader, error) {
			return inChunks(stream.NewGCMEncryptReader(src, s.key, s.nonce, s.aad))(s.chunk)
		}, s.plain, s.gcm)
	},
	"GCMDecryptReader": func(s *sample) error {
		return streamtest.TestDecryptReader(func(src io.Reader) (io.Reader, error) {
			return inChunks(stream.NewGCMDecryptReader(src, s.key, s.nonce, s.aad, 1<<30))(s.chunk)
		}, s.gcm, s.plain, &streamtest.DecryptOptions{Assurance: streamtest.VerifiedWhole, Rejected: stream.ErrDecrypt})
	},
	"GCMUnverifiedReader": func(s *sample) error {
		return streamtest.TestDecryptReader(func(src io.Reader) (io.Reader, error) {
			return inChunks(stream.NewGCMUnverifiedReader(src, s.key, s.nonce, s.aad))(s.chunk)
		}, s.gcm, s.plain, &streamtest.DecryptOptions{Assurance: streamtest.VerifiedAtEOF, Rejected: stream.ErrDecrypt})
	},
	"VerifyGCM": func(s *sample) error {
		return streamtest.TestDecryptReader(func(src io.Reader) (io.Reader, error) {
			return &verifier{s: s, src: src}, nil
		}, s.gcm, nil, &streamtest.DecryptOptions{Rejected: stream.ErrDecrypt})
	},
}

// unchunked are the types that pass on whatever their source yields.
var unchunked = map[string]func(s *sample) error{
	"CTRReader": func(s *sample) error {
		return streamtest.TestDecryptReader(func(src io.Reader) (io.Reader, error) {
			return stream.NewCTRReader(src, s.key, s.iv)
		}, s.ctr, s.plain, &streamtest.DecryptOptions{Assurance: streamtest.Unauthenticated, Rejected: stream.ErrDecrypt})
	},
	"CTRReader, encrypting": func(s *sample) error {
		return streamtest.TestEncryptReader(func(src io.Reader) (io.Reader, error) {
			return stream.NewCTRReader(src, s.key, s.iv)
		}, s.plain, s.ctr)
	},
	"CTRRangeReader, whole": func(s *sample) error { return testRange(s, 0, len(s.plain)) },
	"CTRRangeReader, middle": func(s *sample) error {
		off := len(s.plain) / 3
		return testRange(s, off, len(s.plain)/2)
	},
	"NewPlainCTRRangeReader": func(s *sample) error {
		off := len(s.plain) / 3
		return testPlainCTRRange(s, off, len(s.plain)/2)
	},
	"CBCRangeReader, whole":  func(s *sample) error { return testCBCRange(s, 0, len(s.plain)+1) },
	"CBCRangeReader, middle": func(s *sample) error { return testCBCRange(s, len(s.plain)/3, len(s.plain)/2) },
	"CBCRangeReader, end":    func(s *sample) error { return testCBCRange(s, len(s.plain)/3, len(s.plain)) },
	"CBCReaderAt": func(s *sample) error {
		return streamtest.TestDecryptReaderAt(func(src io.ReaderAt, size int64) (io.ReaderAt, error) {
			return stream.NewCBCReaderAt(src, size, s.key, s.iv)
		}, s.cbc, s.plain, &streamtest.DecryptOptions{Assurance: streamtest.Unauthenticated, Rejected: stream.ErrDecrypt})
	},
	"GCMUnauthenticatedReaderAt": func(s *sample) error {
		return streamtest.TestDecryptReaderAt(func(src io.ReaderAt, size int64) (io.ReaderAt, error) {
			return stream.NewGCMUnauthenticatedReaderAt(src, size, s.key, s.nonce)
		}, s.gcm, s.plain, &streamtest.DecryptOptions{Assurance: streamtest.Unauthenticated, Rejected: stream.ErrDecrypt})
	},
	"CTRReaderAt": func(s *sample) error {
		return streamtest.TestDecryptReaderAt(func(src io.ReaderAt, size int64) (io.ReaderAt, error) {
			return stream.NewCTRReaderAt(src, size, s.key, s.iv)
		}, s.ctr, s.plain, &streamtest.DecryptOptions{Assurance: streamtest.Unauthenticated, Rejected: stream.ErrDecrypt})
	},
}

func testPlainCTRRange(s *sample, off, n int) error {
	at, size, err := stream.CTRCiphertextRange(int64(off), int64(n))
	if err != nil {
		return err
	}
	return streamtest.TestDecryptReader(func(src io.Reader) (io.Reader, error) {
		return stream.NewPlainCTRRangeReader(src, s.key, s.iv, int64(off), int64(n))
	}, s.ctr[at:at+size], s.plain[off:off+n], &streamtest.DecryptOptions{
		Assurance: streamtest.Unauthenticated,
		Rejected:  io.ErrUnexpectedEOF,
		Sized:     true,
	})
}

// testCBCRange reads a range that may pass the end. What is put ahead of the
// source or changed in it can come out as another plaintext or as bad padding,
// a source that was cut must be noticed. The range starts at a block, because
// the suite takes it that an altered byte spoils no block but its own and those
// behind it, counted from the start.
func testCBCRange(s *sample, off, n int) error {
	off -= off % stream.BlockSize
	if off >= len(s.plain) {
		return nil // not a range
	}
	total := int64(len(s.cbc))
	at, size, err := stream.CBCCiphertextRange(int64(off), int64(n), total)
	if err != nil {
		return err
	}
	return streamtest.TestDecryptReader(func(src io.Reader) (io.Reader, error) {
		return stream.NewCBCRangeReader(src, s.key, s.iv, int64(off), int64(n), total)
	}, s.cbc[at:at+size], s.plain[off:min(off+n, len(s.plain))], &streamtest.DecryptOptions{
		Assurance: streamtest.Unauthenticated,
		Sized:     true,
	})
}

func testRange(s *sample, off, n int) error {
	at, size, err := stream.GCMCiphertextRange(int64(off), int64(n))
	if err != nil {
		return err
	}
	return streamtest.TestDecryptReader(func(src io.Reader) (io.Reader, error) {
		return stream.NewCTRRangeReader(src, s.key, s.nonce, int64(off), int64(n))
	}, s.gcm[at:at+size], s.plain[off:off+n], &streamtest.DecryptOptions{
		Assurance: streamtest.Unauthenticated,
		Rejected:  io.ErrUnexpectedEOF,
		Sized:     true,
	})
}

// A verifier reads VerifyGCM as a stream that yields nothing.
type verifier struct {
	s   *sample
	src io.Reader
	err error
}

func (v *verifier) Read(p []byte) (int, error) {
	if v.err != nil || len(p) == 0 {
		return 0, v.err
	}
	n, err := stream.VerifyGCMChunks(v.src, v.s.key, v.s.nonce, v.s.aad, v.s.chunk)
	switch want := int64(len(v.s.plain)); {
	case err != nil:
		v.err = err
	case n != want:
		v.err = fmt.Errorf("VerifyGCM returned a size of %d, want %d", n, want)
	default:
		v.err = io.EOF
	}
	return 0, v.err
}

func TestConformance(t *testing.T) {
	for _, n := range []int{0, 1, 64, 65, 300} {
		testConformance(t, newSample(t, n, 64), chunked)
		testConformance(t, newSample(t, n, 64), unchunked)
	}
	testConformance(t, newSample(t, 301, 16), chunked) // enough chunks for all cores
	testConformance(t, newSample(t, 9000, 64), unchunked)
	if !testing.Short() {
		testConformance(t, newSample(t, stream.DefaultChunkSize+77, stream.DefaultChunkSize), chunked)
	}
}

func testConformance(t *testing.T, s *sample, types map[string]func(s *sample) error) {
	t.Helper()
	for name, test := range types {
		t.Run(fmt.Sprintf("%s/len=%d", name, len(s.plain)), func(t *testing.T) {
			t.Parallel()
			if err := test(s); err != nil {
				t.Error(err)
			}
		})
	}
}

// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"io"
	"testing"

	"github.com/s3seal/s3seal/stream"
)

var (
	key   = bytes.Repeat([]byte{1}, 32)
	iv    = bytes.Repeat([]byte{2}, stream.GCMIVSize)
	iv16  = bytes.Repeat([]byte{3}, stream.BlockSize)
	sizes = []int{1 << 10, 64 << 10, 1 << 20, 16 << 20}
)

// name returns size in the unit that people read.
func name(size int) string {
	if size >= 1<<20 {
		return fmt.Sprintf("%dMiB", size>>20)
	}
	return fmt.Sprintf("%dKiB", size>>10)
}

// each runs f for every size, as a benchmark of size bytes.
func each(b *testing.B, row string, f func(size int) func() error) {
	for _, size := range sizes {
		b.Run(row+"/"+name(size), func(b *testing.B) {
			op := f(size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if err := op(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func newAEAD(b *testing.B) (cipher.Block, cipher.AEAD) {
	b.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		b.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		b.Fatal(err)
	}
	return block, aead
}

func BenchmarkGCM(b *testing.B) {
	_, aead := newAEAD(b)
	sealed := func(size int) []byte { return aead.Seal(nil, iv, make([]byte, size), nil) }

	each(b, "encrypt/oneshot", func(size int) func() error {
		plain, dst := make([]byte, size), make([]byte, 0, size+aead.Overhead())
		return func() error { aead.Seal(dst, iv, plain, nil); return nil }
	})
	each(b, "encrypt/ReadFrom", func(size int) func() error {
		plain := make([]byte, size)
		return func() error {
			w, err := stream.NewGCMEncryptWriter(sink{}, key, iv, nil)
			if err != nil {
				return err
			}
			if _, err := io.Copy(w, &file{plain}); err != nil {
				return err
			}
			return w.Close()
		}
	})
	each(b, "encrypt/Read", func(size int) func() error {
		plain, dst := make([]byte, size), make([]byte, size+aead.Overhead())
		return func() error {
			r, err := stream.NewGCMEncryptReader(&file{plain}, key, iv, nil)
			if err != nil {
				return err
			}
			_, err = io.ReadFull(r, dst)
			return err
		}
	})
	each(b, "decrypt/oneshot", func(size int) func() error {
		body, dst := sealed(size), make([]byte, 0, size)
		return func() error { _, err := aead.Open(dst, iv, body, nil); return err }
	})
	each(b, "decrypt/unverified", func(size int) func() error {
		body := sealed(size)
		return func() error {
			r, err := stream.NewGCMUnverifiedReader(&file{body}, key, iv, nil)
			return drain(r, err)
		}
	})
	each(b, "decrypt/buffered", func(size int) func() error {
		body := sealed(size)
		return func() error {
			r, err := stream.NewGCMDecryptReader(&file{body}, key, iv, nil, 1<<30)
			return drain(r, err)
		}
	})
	each(b, "verify", func(size int) func() error {
		body := sealed(size)
		return func() error { _, err := stream.VerifyGCM(&file{body}, key, iv, nil); return err }
	})
}

// BenchmarkGCMWrite is the steady state of a writer that is fed in steps.
func BenchmarkGCMWrite(b *testing.B) {
	for _, step := range []int{1 << 10, 4 << 10, 32 << 10, 128 << 10, 1 << 20} {
		b.Run("step="+name(step), func(b *testing.B) {
			p := make([]byte, step)
			b.SetBytes(int64(step))
			b.ReportAllocs()
			var w *stream.GCMEncryptWriter
			for left := int64(0); b.Loop(); left -= int64(step) {
				if left < int64(step) { // the mode has a limit, fast machines reach it
					var err error
					if w, err = stream.NewGCMEncryptWriter(sink{}, key, iv, nil); err != nil {
						b.Fatal(err)
					}
					left = stream.GCMMaxSize
				}
				if _, err := w.Write(p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCBC(b *testing.B) {
	block, _ := newAEAD(b)
	each(b, "encrypt/oneshot", func(size int) func() error {
		plain, dst := make([]byte, size), make([]byte, size)
		return func() error { cipher.NewCBCEncrypter(block, iv16).CryptBlocks(dst, plain); return nil }
	})
	each(b, "encrypt/ReadFrom", func(size int) func() error {
		plain := make([]byte, size)
		return func() error {
			w, err := stream.NewCBCEncryptWriter(sink{}, key, iv16)
			if err != nil {
				return err
			}
			if _, err := io.Copy(w, &file{plain}); err != nil {
				return err
			}
			return w.Close()
		}
	})
	each(b, "decrypt/oneshot", func(size int) func() error {
		body, dst := make([]byte, size), make([]byte, size)
		return func() error { cipher.NewCBCDecrypter(block, iv16).CryptBlocks(dst, body); return nil }
	})
	each(b, "decrypt/WriteTo", func(size int) func() error {
		r, err := stream.NewCBCEncryptReader(bytes.NewReader(make([]byte, size)), key, iv16)
		if err != nil {
			b.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			b.Fatal(err)
		}
		return func() error {
			r, err := stream.NewCBCDecryptReader(&file{body}, key, iv16)
			return drain(r, err)
		}
	})
}

func BenchmarkCTRRange(b *testing.B) {
	each(b, "decrypt/Read", func(size int) func() error {
		body, dst := make([]byte, size), make([]byte, size)
		return func() error {
			r, err := stream.NewCTRRangeReader(&file{body}, key, iv, 0, int64(size))
			if err != nil {
				return err
			}
			_, err = io.ReadFull(r, dst)
			return err
		}
	})
}

// drain copies r to nowhere.
func drain(r io.Reader, err error) error {
	if err != nil {
		return err
	}
	_, err = io.Copy(sink{}, r)
	return err
}

// A file has the methods of an *os.File that matter to io.Copy: Read alone.
type file struct{ p []byte }

func (f *file) Read(p []byte) (int, error) {
	if len(f.p) == 0 {
		return 0, io.EOF
	}
	n := copy(p, f.p)
	f.p = f.p[n:]
	return n, nil
}

// sink is io.Discard without its ReadFrom.
type sink struct{}

func (sink) Write(p []byte) (int, error) { return len(p), nil }

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"fmt"

	"github.com/s3seal/s3seal/bench/internal/score"
	"github.com/s3seal/s3seal/stream"
)

// What the streams promise, where the stream is long enough, or short enough,
// for the question to matter.
const (
	encryptBar  = 0.95 // for writes of a chunk and more
	copyBar     = 0.70 // with a copy of the input
	decryptBar  = 0.70
	oneChunkBar = 0.90
)

var (
	key  = bytes.Repeat([]byte{1}, 32)
	iv   = bytes.Repeat([]byte{2}, stream.GCMIVSize)
	iv16 = bytes.Repeat([]byte{3}, stream.BlockSize)
	aad  = []byte{0, 0x73}
)

// A kit is a plaintext and its ciphertexts.
type kit struct {
	block              cipher.Block
	aead               cipher.AEAD
	plain, sealed, cbc []byte
	dst                []byte // room for any of them
	buf                []byte // 32 KiB
}

func newKit(size int) (*kit, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	k := &kit{block: block, aead: aead, plain: bytes.Repeat([]byte("s3seal: "), size/8)}
	k.sealed = aead.Seal(nil, iv, k.plain, aad)
	k.cbc = append(bytes.Clone(k.plain), bytes.Repeat([]byte{16}, 16)...)
	cipher.NewCBCEncrypter(block, iv16).CryptBlocks(k.cbc, k.cbc)
	k.dst, k.buf = make([]byte, len(k.sealed)), make([]byte, 32<<10)
	return k, nil
}

// oneCore returns the comparisons for one size.
func oneCore(size int) ([]score.Row, error) {
	k, err := newKit(size)
	if err != nil {
		return nil, err
	}
	if size <= 1<<10 {
		return k.short(), nil
	}
	long := func(bar float64) float64 {
		if size < 1<<20 {
			return 0
		}
		return bar
	}
	seal := func() error { k.aead.Seal(k.dst[:0], iv, k.plain, aad); return nil }
	open := func() error { _, err := k.aead.Open(k.dst[:0], iv, k.sealed, aad); return err }
	cbcEncrypt := func() error { cipher.NewCBCEncrypter(k.block, iv16).CryptBlocks(k.dst[:size], k.plain); return nil }
	cbcDecrypt := func() error { cipher.NewCBCDecrypter(k.block, iv16).CryptBlocks(k.dst, k.cbc); return nil }
	return []score.Row{
		pair("GCM/encrypt/Write/whole", size, long(encryptBar), seal, func() error { return encrypt(whole(k.plain)) }),
		pair("GCM/encrypt/Write/128KiB", size, long(encryptBar), seal, func() error { return encrypt(steps(k.plain, 128<<10)) }),
		pair("GCM/encrypt/Write/32KiB", size, 0, seal, func() error { return encrypt(steps(k.plain, 32<<10)) }),
		pair("GCM/encrypt/ReadFrom", size, long(copyBar), seal, func() error { return encrypt(copyFrom(k.plain)) }),
		pair("GCM/encrypt/Read", size, 0, seal, func() error { return pull(k.plain, k.buf) }),
		pair("GCM/decrypt/unverified/WriteTo", size, long(decryptBar), open, func() error {
			return drain(stream.NewGCMUnverifiedReader(&file{k.sealed}, key, iv, aad))
		}),
		pair("GCM/decrypt/buffered/WriteTo", size, 0, open, func() error {
			return drain(stream.NewGCMDecryptReader(&file{k.sealed}, key, iv, aad, 1<<30))
		}),
		pair("GCM/verify", size, 0, open, func() error {
			_, err := stream.VerifyGCM(&file{k.sealed}, key, iv, aad)
			return err
		}),
		pair("CBC/encrypt/Write/128KiB", size, 0, cbcEncrypt, func() error { return encryptCBC(steps(k.plain, 128<<10)) }),
		pair("CBC/decrypt/WriteTo", size, 0, cbcDecrypt, func() error {
			return drain(stream.NewCBCDecryptReader(&file{k.cbc}, key, iv16))
		}),
	}, nil
}

// short returns the comparisons for objects so short that the set-up of the
// key is most of the work.
func (k *kit) short() []score.Row {
	size := len(k.plain)
	setUp := func(f func(cipher.AEAD) error) func() error {
		return func() error {
			block, err := aes.NewCipher(key)
			if err != nil {
				return err
			}
			aead, err := cipher.NewGCM(block)
			if err != nil {
				return err
			}
			return f(aead)
		}
	}
	seal := setUp(func(a cipher.AEAD) error { return write(sink{}, a.Seal(nil, iv, k.plain, aad)) })
	open := setUp(func(a cipher.AEAD) error {
		p, err := a.Open(nil, iv, k.sealed, aad)
		if err != nil {
			return err
		}
		return write(sink{}, p)
	})
	return []score.Row{
		pair("GCM/encrypt/Write", size, oneChunkBar, seal, func() error {
			w, err := stream.NewGCMEncryptWriter(sink{}, key, iv, aad)
			if err != nil {
				return err
			}
			if _, err := w.Write(k.plain); err != nil {
				return err
			}
			return w.Close()
		}),
		pair("GCM/encrypt/Read", size, 0, seal, func() error { return pull(k.plain, k.buf) }),
		pair("GCM/decrypt/buffered/WriteTo", size, oneChunkBar, open, func() error {
			return drain(stream.NewGCMDecryptReader(&file{k.sealed}, key, iv, aad, 1<<30))
		}),
		pair("GCM/decrypt/unverified/WriteTo", size, oneChunkBar, open, func() error {
			return drain(stream.NewGCMUnverifiedReader(&file{k.sealed}, key, iv, aad))
		}),
	}
}

// pair compares two ways to process size bytes on one core.
func pair(name string, size int, bar float64, oneShot, stream func() error) score.Row {
	return score.Row{Name: name, Size: size, Bar: bar, Measure: func() (score.Result, error) { return versus(size, oneShot, stream) }}
}

func versus(size int, oneShot, stream func() error) (score.Result, error) {
	var one, str, quot, share []float64
	// Not once: who comes first after the other finds the caches full of what
	// that has written, and pays for it.
	times := max(4, 32<<20/size)
	for i := range rounds + 1 {
		a, err := score.Timed(1, times, oneShot)
		if err != nil {
			return score.Result{}, err
		}
		b, err := score.Timed(1, times, stream)
		if err != nil {
			return score.Result{}, err
		}
		if i == 0 {
			continue // warms caches, pools and the clock of the core
		}
		work := float64(times) * float64(size)
		one, str = append(one, work/float64(a.CPU)), append(str, work/float64(b.CPU))
		quot, share = append(quot, float64(a.CPU)/float64(b.CPU)), append(share, min(a.Share(), b.Share()))
	}
	return score.Result{Ratio: score.Median(quot), Doubt: score.Doubt(score.Median(share)), Text: fmt.Sprintf("%5.2f GB/s %6.2f GB/s", score.Median(one), score.Median(str))}, nil
}

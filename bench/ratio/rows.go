// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"

	"github.com/s3seal/s3seal/bench/internal/ends"
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
			return drain(stream.NewGCMUnverifiedReader(ends.NewFile(k.sealed), key, iv, aad))
		}),
		pair("GCM/decrypt/buffered/WriteTo", size, 0, open, func() error {
			return drain(stream.NewGCMDecryptReader(ends.NewFile(k.sealed), key, iv, aad, 1<<30))
		}),
		pair("GCM/verify", size, 0, open, func() error {
			_, err := stream.VerifyGCM(ends.NewFile(k.sealed), key, iv, aad)
			return err
		}),
		pair("CBC/encrypt/Write/128KiB", size, 0, cbcEncrypt, func() error { return encryptCBC(steps(k.plain, 128<<10)) }),
		pair("CBC/decrypt/WriteTo", size, 0, cbcDecrypt, func() error {
			return drain(stream.NewCBCDecryptReader(ends.NewFile(k.cbc), key, iv16))
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
	seal := setUp(func(a cipher.AEAD) error { return write(ends.Sink{}, a.Seal(nil, iv, k.plain, aad)) })
	open := setUp(func(a cipher.AEAD) error {
		p, err := a.Open(nil, iv, k.sealed, aad)
		if err != nil {
			return err
		}
		return write(ends.Sink{}, p)
	})
	return []score.Row{
		pair("GCM/encrypt/Write", size, oneChunkBar, seal, func() error {
			w, err := stream.NewGCMEncryptWriter(ends.Sink{}, key, iv, aad)
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
			return drain(stream.NewGCMDecryptReader(ends.NewFile(k.sealed), key, iv, aad, 1<<30))
		}),
		pair("GCM/decrypt/unverified/WriteTo", size, oneChunkBar, open, func() error {
			return drain(stream.NewGCMUnverifiedReader(ends.NewFile(k.sealed), key, iv, aad))
		}),
	}
}

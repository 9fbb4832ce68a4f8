// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"io"
	"slices"
	"testing"

	"github.com/s3seal/s3seal/stream"
)

// bar is the least ratio that package stream promises, where the stream is
// long enough for the question to matter.
const bar = 0.70

var (
	key = bytes.Repeat([]byte{1}, 32)
	iv  = bytes.Repeat([]byte{2}, stream.GCMIVSize)
	aad = []byte{0, 0x73}
)

// rows returns the comparisons for one size.
func rows(size int) ([]row, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	plain := bytes.Repeat([]byte("s3seal: "), size/8)
	sealed := aead.Seal(nil, iv, plain, aad)
	dst := make([]byte, len(sealed))
	seal := func() error { aead.Seal(dst[:0], iv, plain, aad); return nil }
	open := func() error { _, err := aead.Open(dst[:0], iv, sealed, aad); return err }

	encryptBar, decryptBar := 0.0, 0.0
	if size >= 1<<20 {
		encryptBar = bar
	}
	if size == 1<<20 {
		decryptBar = bar
	}
	return []row{
		{"GCM/encrypt/ReadFrom", size, encryptBar, seal, func() error { return encrypt(copyFrom(plain)) }},
		{"GCM/encrypt/Write/32KiB", size, 0, seal, func() error { return encrypt(steps(plain)) }},
		{"GCM/encrypt/Write/whole", size, 0, seal, func() error { return encrypt(whole(plain)) }},
		{"GCM/encrypt/Read", size, 0, seal, func() error { return pull(dst, plain) }},
		{"GCM/decrypt/unverified/WriteTo", size, decryptBar, open, func() error {
			r, err := stream.NewGCMUnverifiedReader(&file{sealed}, key, iv, aad)
			return drain(r, err)
		}},
		{"GCM/decrypt/buffered/WriteTo", size, 0, open, func() error {
			r, err := stream.NewGCMDecryptReader(&file{sealed}, key, iv, aad, 1<<30)
			return drain(r, err)
		}},
		{"GCM/verify", size, 0, open, func() error {
			_, err := stream.VerifyGCM(&file{sealed}, key, iv, aad)
			return err
		}},
	}, nil
}

// encrypt opens a writer, has it fed, and closes it.
func encrypt(feed func(w io.Writer) error) error {
	w, err := stream.NewGCMEncryptWriter(sink{}, key, iv, aad)
	if err != nil {
		return err
	}
	if err := feed(w); err != nil {
		return err
	}
	return w.Close()
}

func copyFrom(p []byte) func(w io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.Copy(w, &file{p})
		return err
	}
}

func whole(p []byte) func(w io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(p)
		return err
	}
}

func steps(p []byte) func(w io.Writer) error {
	return func(w io.Writer) error {
		for q := range slices.Chunk(p, 32<<10) {
			if _, err := w.Write(q); err != nil {
				return err
			}
		}
		return nil
	}
}

func pull(dst, plain []byte) error {
	r, err := stream.NewGCMEncryptReader(&file{plain}, key, iv, aad)
	if err != nil {
		return err
	}
	_, err = io.ReadFull(r, dst)
	return err
}

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

// allocations returns how often a running writer allocates per Write of a
// chunk or more, in which all work of the steady state is done.
func allocations() (float64, error) {
	w, err := stream.NewGCMEncryptWriter(sink{}, key, iv, nil)
	if err != nil {
		return 0, err
	}
	p := make([]byte, 1<<20)
	for range 2 {
		if _, err := w.Write(p); err != nil {
			return 0, err
		}
	}
	n := testing.AllocsPerRun(100, func() {
		if _, e := w.Write(p); e != nil {
			err = e
		}
	})
	return n, err
}

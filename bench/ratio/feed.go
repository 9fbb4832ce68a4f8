// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"slices"

	"github.com/s3seal/s3seal/bench/internal/ends"
	"github.com/s3seal/s3seal/stream"
)

// A feed gives a plaintext to a writer in some way.
type feed func(w io.Writer) error

// fed has a new writer fed and closes it.
func fed[W io.WriteCloser](w W, err error, f feed) error {
	if err != nil {
		return err
	}
	if err := f(w); err != nil {
		return err
	}
	return w.Close()
}

func encrypt(f feed) error {
	w, err := stream.NewGCMEncryptWriter(ends.Sink{}, key, iv, aad)
	return fed(w, err, f)
}

func encryptCBC(f feed) error {
	w, err := stream.NewCBCEncryptWriter(ends.Sink{}, key, iv16)
	return fed(w, err, f)
}

func copyFrom(p []byte) feed {
	return func(w io.Writer) error {
		_, err := io.Copy(w, ends.NewFile(p))
		return err
	}
}

func whole(p []byte) feed {
	return func(w io.Writer) error { return write(w, p) }
}

func write(w io.Writer, p []byte) error {
	_, err := w.Write(p)
	return err
}

func steps(p []byte, n int) feed {
	return func(w io.Writer) error {
		for q := range slices.Chunk(p, n) {
			if _, err := w.Write(q); err != nil {
				return err
			}
		}
		return nil
	}
}

// pull reads the ciphertext of plain into buf, again and again.
func pull(plain, buf []byte) error {
	r, err := stream.NewGCMEncryptReader(ends.NewFile(plain), key, iv, aad)
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(ends.Sink{}, r, buf)
	return err
}

func drain[R io.Reader](r R, err error) error {
	if err != nil {
		return err
	}
	_, err = io.Copy(ends.Sink{}, r)
	return err
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"runtime"
	"slices"

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
	w, err := stream.NewGCMEncryptWriter(sink{}, key, iv, aad)
	return fed(w, err, f)
}

func encryptCBC(f feed) error {
	w, err := stream.NewCBCEncryptWriter(sink{}, key, iv16)
	return fed(w, err, f)
}

func copyFrom(p []byte) feed {
	return func(w io.Writer) error {
		_, err := io.Copy(w, &file{p})
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
	r, err := stream.NewGCMEncryptReader(&file{plain}, key, iv, aad)
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(sink{}, r, buf)
	return err
}

func drain[R io.Reader](r R, err error) error {
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

// writeAllocations returns how often a running writer allocates per Write of
// 1 MiB, on all cores, rounded down: a garbage collection empties the pools.
func writeAllocations() (float64, error) {
	w, err := stream.NewGCMEncryptWriter(sink{}, key, iv, nil)
	if err != nil {
		return 0, err
	}
	const times = 100
	p := make([]byte, 1<<20)
	var before, after runtime.MemStats
	for i := range times + 2 {
		if i == 2 {
			runtime.ReadMemStats(&before)
		}
		if _, err := w.Write(p); err != nil {
			return 0, err
		}
	}
	runtime.ReadMemStats(&after)
	return float64((after.Mallocs - before.Mallocs) / times), w.Close()
}

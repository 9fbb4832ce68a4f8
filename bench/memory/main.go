// SPDX-License-Identifier: Apache-2.0

// Command memory encrypts and decrypts a long stream that is stored nowhere,
// and prints how much memory that took.
//
//	go run ./bench/memory                       # 10 GiB in each mode
//	go run ./bench/memory -size 1 -limit 32
//
// One goroutine generates plaintext and encrypts it into a pipe, another
// decrypts what comes out and compares it. It exits with 1 if a byte is wrong
// or the peak of the resident memory, of the whole process, passes the limit.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/s3seal/s3seal/bench/internal/pattern"
	"github.com/s3seal/s3seal/bench/internal/rss"
	"github.com/s3seal/s3seal/stream"
)

var (
	key  = bytes.Repeat([]byte{1}, 32)
	iv   = bytes.Repeat([]byte{2}, stream.GCMIVSize)
	iv16 = bytes.Repeat([]byte{3}, stream.BlockSize)
)

// A mode is a pair of streams that undo each other.
type mode struct {
	name    string
	encrypt func(dst io.Writer) (writer, error)
	decrypt func(src io.Reader) (io.WriterTo, error)
}

type writer interface {
	io.WriteCloser
	io.ReaderFrom
}

func modes() []mode {
	return []mode{
		{
			"GCM", func(dst io.Writer) (writer, error) { return stream.NewGCMEncryptWriter(dst, key, iv, nil) },
			func(src io.Reader) (io.WriterTo, error) { return stream.NewGCMUnverifiedReader(src, key, iv, nil) },
		},
		{
			"CBC", func(dst io.Writer) (writer, error) { return stream.NewCBCEncryptWriter(dst, key, iv16) },
			func(src io.Reader) (io.WriterTo, error) { return stream.NewCBCDecryptReader(src, key, iv16) },
		},
	}
}

func main() {
	gib := flag.Int64("size", 10, "size of the plaintext in GiB")
	limit := flag.Int64("limit", 32, "most resident memory in MiB")
	flag.Parse()
	if err := run(*gib<<30, *limit<<20); err != nil {
		fmt.Fprintln(os.Stderr, "memory:", err)
		os.Exit(1)
	}
}

// run sends size bytes through each mode.
func run(size, limit int64) error {
	for _, m := range modes() {
		start := time.Now()
		if err := m.through(size); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		peak, err := rss.Peak(0)
		if err != nil {
			return err
		}
		rate := float64(size) / float64(time.Since(start))
		fmt.Printf("%s: %d GiB encrypted and decrypted, %.2f GB/s, peak resident memory %.1f MiB (limit %d)\n",
			m.name, size>>30, rate, float64(peak)/(1<<20), limit>>20)
		if peak > limit {
			return fmt.Errorf("%s: peak resident memory %d bytes, limit %d", m.name, peak, limit)
		}
	}
	return nil
}

// through sends size bytes through the two streams.
func (m mode) through(size int64) error { return pattern.Through(size, m.send, m.receive) }

func (m mode) send(dst io.Writer, src io.Reader) error {
	w, err := m.encrypt(dst)
	if err != nil {
		return err
	}
	if _, err := w.ReadFrom(src); err != nil {
		return err
	}
	return w.Close()
}

func (m mode) receive(dst io.Writer, src io.Reader) error {
	r, err := m.decrypt(src)
	if err != nil {
		return err
	}
	_, err = r.WriteTo(dst)
	return err
}

// SPDX-License-Identifier: Apache-2.0

// Command ratio measures, on one core, how close the streams of package stream
// come to the one-shot functions of crypto/cipher.
//
//	go run ./bench/ratio          # print the table
//	go run ./bench/ratio -check   # and fail if a bar is missed
//
// Absolute throughput on a shared machine says little. So both sides of a row
// take turns, each round gives one quotient, and the row is the median of
// seven rounds.
package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/s3seal/s3seal/stream"
)

const rounds = 7

// A row compares a stream with the one-shot function for size bytes.
type row struct {
	name            string
	size            int
	bar             float64 // 0 for none
	oneShot, stream func() error
}

func main() {
	check := flag.Bool("check", false, "exit with 1 if a bar is missed")
	flag.Parse()
	runtime.GOMAXPROCS(1)
	ok, err := run(os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "ratio:", err)
		os.Exit(1)
	}
	if *check && !ok {
		os.Exit(1)
	}
}

func run(out io.Writer) (ok bool, err error) {
	ok = true
	fmt.Fprintf(out, "%-34s %8s %10s %10s %6s %5s\n", "row", "size", "one-shot", "stream", "ratio", "bar")
	for _, size := range []int{64 << 10, 1 << 20, 16 << 20, 64 << 20} {
		for _, r := range rows(size) {
			pass, err := r.print(out)
			if err != nil {
				return false, fmt.Errorf("%s: %w", r.name, err)
			}
			ok = ok && pass
		}
	}
	n, err := allocsPerWrite()
	if err != nil {
		return false, err
	}
	fmt.Fprintf(out, "allocations per Write of 32 KiB in steady state: %g\n", n)
	return ok && n == 0, nil
}

func (r row) print(out io.Writer) (bool, error) {
	oneShot, stream, ratio, err := r.measure()
	if err != nil {
		return false, err
	}
	verdict := ""
	if ratio < r.bar {
		verdict = "  MISSED"
	}
	fmt.Fprintf(out, "%-34s %5d KiB %5.2f GB/s %5.2f GB/s %6.3f %5.2f%s\n",
		r.name, r.size>>10, oneShot, stream, ratio, r.bar, verdict)
	return verdict == "", nil
}

// measure returns the median throughput of both sides in GB/s and the median
// of their quotient.
func (r row) measure() (oneShot, stream, ratio float64, err error) {
	var as, bs, qs []float64
	times := max(1, 64<<20/r.size)
	for i := range rounds + 1 {
		a, err := throughput(r.oneShot, times, r.size)
		if err != nil {
			return 0, 0, 0, err
		}
		b, err := throughput(r.stream, times, r.size)
		if err != nil {
			return 0, 0, 0, err
		}
		if i == 0 {
			continue // warms caches, pools and the clock of the core
		}
		as, bs, qs = append(as, a), append(bs, b), append(qs, b/a)
	}
	return median(as), median(bs), median(qs), nil
}

func throughput(f func() error, times, size int) (float64, error) {
	start := time.Now()
	for range times {
		if err := f(); err != nil {
			return 0, err
		}
	}
	return float64(times) * float64(size) / float64(time.Since(start).Nanoseconds()), nil
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

func rows(size int) []row {
	key, iv, aad := make([]byte, 32), make([]byte, 12), []byte{0, 0x73}
	block, _ := aes.NewCipher(key)
	aead, _ := cipher.NewGCM(block)
	plain := bytes.Repeat([]byte("s3seal: "), size/8)
	sealed := aead.Seal(nil, iv, plain, aad)
	dst := make([]byte, 0, len(sealed))

	seal := func() error { aead.Seal(dst, iv, plain, aad); return nil }
	open := func() error { _, err := aead.Open(dst, iv, sealed, aad); return err }
	writer := func(feed func(w *stream.GCMEncryptWriter) error) func() error {
		return func() error {
			w, err := stream.NewGCMEncryptWriter(sink{}, key, iv, aad)
			if err != nil {
				return err
			}
			if err := feed(w); err != nil {
				return err
			}
			return w.Close()
		}
	}
	return []row{
		{"GCM/encrypt/ReadFrom", size, bar(size), seal, writer(func(w *stream.GCMEncryptWriter) error {
			_, err := io.Copy(w, &file{p: plain})
			return err
		})},
		{"GCM/encrypt/Write/32KiB", size, 0, seal, writer(func(w *stream.GCMEncryptWriter) error {
			for p := range slices.Chunk(plain, 32<<10) {
				if _, err := w.Write(p); err != nil {
					return err
				}
			}
			return nil
		})},
		{"GCM/encrypt/Write/whole", size, 0, seal, writer(func(w *stream.GCMEncryptWriter) error {
			_, err := w.Write(plain)
			return err
		})},
		{"GCM/encrypt/Read", size, 0, seal, func() error {
			r, err := stream.NewGCMEncryptReader(&file{p: plain}, key, iv, aad)
			if err != nil {
				return err
			}
			_, err = io.ReadFull(r, dst[:len(sealed)])
			return err
		}},
		{"GCM/decrypt/unverified/WriteTo", size, bar(size), open, func() error {
			r, err := stream.NewGCMUnverifiedReader(&file{p: sealed}, key, iv, aad)
			if err != nil {
				return err
			}
			_, err = io.Copy(sink{}, r)
			return err
		}},
		{"GCM/decrypt/buffered/WriteTo", size, 0, open, func() error {
			r, err := stream.NewGCMDecryptReader(&file{p: sealed}, key, iv, aad, 1<<30)
			if err != nil {
				return err
			}
			_, err = io.Copy(sink{}, r)
			return err
		}},
		{"GCM/verify", size, 0, open, func() error {
			_, err := stream.VerifyGCM(&file{p: sealed}, key, iv, aad)
			return err
		}},
	}
}

// bar is for sizes where a stream is what one would use.
func bar(size int) float64 {
	if size < 1<<20 {
		return 0
	}
	return 0.70
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

// sink is io.Discard without ReadFrom.
type sink struct{}

func (sink) Write(p []byte) (int, error) { return len(p), nil }

func allocsPerWrite() (float64, error) {
	w, err := stream.NewGCMEncryptWriter(sink{}, make([]byte, 32), make([]byte, 12), nil)
	if err != nil {
		return 0, err
	}
	p := make([]byte, 32<<10)
	for range 16 {
		if _, err := w.Write(p); err != nil {
			return 0, err
		}
	}
	n := testing.AllocsPerRun(1000, func() { _, err = w.Write(p) })
	return n, err
}

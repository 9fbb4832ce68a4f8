// SPDX-License-Identifier: Apache-2.0

// Package peer runs the same work through implementations of encrypted streams
// by several people. Each of them is a program of its own, so that its memory is
// not that of another: a main function that calls Main.
package peer

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/s3seal/s3seal/bench/internal/rss"
)

// A Peer is one way to encrypt a stream. Decrypt undoes the Encrypt before it,
// with the same key; it must verify what the format can verify by io.EOF.
type Peer struct {
	Name    string // for benchstat: no spaces
	Encrypt func(dst io.Writer) (io.WriteCloser, error)
	Decrypt func(src io.Reader) (io.Reader, error)
}

// Main measures one of peers, as the command line asks:
//
//	-peer NAME -size N                 benchmarks of N bytes from and to memory
//	-peer NAME -size N -through        N bytes from a generator through encryption,
//	                                   a pipe and decryption, and the peak of memory
//
// and prints lines in the format of go test -bench.
func Main(peers ...Peer) {
	testing.Init()
	name := flag.String("peer", "", "one of "+names(peers))
	size := flag.Int64("size", 64<<20, "bytes of plaintext")
	through := flag.Bool("through", false, "through a pipe, with the peak of memory")
	flag.Parse()
	if err := run(os.Stdout, peers, *name, *size, *through); err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

func run(out io.Writer, peers []Peer, name string, size int64, through bool) error {
	for _, p := range peers {
		switch {
		case p.Name != name:
		case through:
			return p.printThrough(out, size)
		default:
			return p.printBenchmarks(out, int(size))
		}
	}
	return fmt.Errorf("no peer %q here, want one of %s", name, names(peers))
}

func names(peers []Peer) string {
	all := make([]string, len(peers))
	for i, p := range peers {
		all[i] = p.Name
	}
	return strings.Join(all, " ")
}

// SizeName returns size in the unit that people read.
func SizeName(size int64) string {
	switch {
	case size >= 1<<30 && size%(1<<30) == 0:
		return fmt.Sprintf("%dGiB", size>>30)
	case size >= 1<<20 && size%(1<<20) == 0:
		return fmt.Sprintf("%dMiB", size>>20)
	case size >= 1<<10 && size%(1<<10) == 0:
		return fmt.Sprintf("%dKiB", size>>10)
	}
	return fmt.Sprintf("%dB", size)
}

// Procs is the suffix that go test gives to the names of benchmarks.
func Procs() string {
	if n := runtime.GOMAXPROCS(0); n > 1 {
		return fmt.Sprintf("-%d", n)
	}
	return ""
}

func (p *Peer) printThrough(out io.Writer, size int64) error {
	start := time.Now()
	if err := p.Through(size); err != nil {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	took := time.Since(start)
	_, err := fmt.Fprintf(out, "BenchmarkMemory/peer=%s/size=%s%s\t%s\n", p.Name, SizeName(size), Procs(), Once(size, took, Peak(0)))
	return err
}

// Peak returns the most resident memory in bytes that a process has had, this one
// if pid is 0, or 0 where the system does not say.
func Peak(pid int) int64 {
	peak, err := rss.Peak(pid)
	if err != nil {
		return 0
	}
	return peak
}

// Once returns what stands behind the name of a benchmark that was run once, with
// the peak of memory, if that is known.
func Once(size int64, took time.Duration, peak int64) string {
	s := fmt.Sprintf("1\t%d ns/op\t%.2f MB/s", took.Nanoseconds(), float64(size)/1e6/took.Seconds())
	if peak > 0 {
		s += fmt.Sprintf("\t%d peak-rss-bytes", peak)
	}
	return s
}

func (p *Peer) printBenchmarks(out io.Writer, size int) error {
	work, err := p.inMemory(size)
	if err != nil {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	// To decrypt comes first, while that was the last that was encrypted.
	for _, op := range []string{"decrypt", "encrypt"} {
		var failed error
		r := testing.Benchmark(func(b *testing.B) {
			b.SetBytes(int64(size))
			for b.Loop() {
				if failed = work[op](); failed != nil {
					b.Fatal(failed)
				}
			}
		})
		if failed != nil {
			return fmt.Errorf("%s: %s: %w", p.Name, op, failed)
		}
		if _, err := fmt.Fprintf(out, "BenchmarkPeer/peer=%s/op=%s/size=%s%s\t%s\n", p.Name, op, SizeName(int64(size)), Procs(), r); err != nil {
			return err
		}
	}
	return nil
}

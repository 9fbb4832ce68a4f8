// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"io"
	"runtime"
	"sync"
	"testing"

	"github.com/s3seal/s3seal/internal/race"
	"github.com/s3seal/s3seal/stream"
)

// TestWriteAllocations checks that a running writer allocates nothing, for
// writes below, at and above a chunk.
func TestWriteAllocations(t *testing.T) {
	const c = stream.DefaultChunkSize
	sizes := []int{100, c / 4, c, 3*c + 1}
	if !race.Enabled {
		sizes = append(sizes, 8*c, 20*c+1) // on all cores
	}
	eachMode(t, func(t *testing.T, m mode) {
		for _, n := range sizes {
			w := m.writer(dropSink{}, c)
			p := text(n)
			w.Write(text(3 * c))
			got := testing.AllocsPerRun(8*max(1, c/n), func() {
				if _, err := w.Write(p); err != nil {
					t.Fatal(err)
				}
			})
			if got != 0 {
				t.Errorf("Write of %d bytes: %v allocations, want 0", n, got)
			}
		}
	})
}

// TestReadAllocations does the same for readers, over many chunks.
func TestReadAllocations(t *testing.T) {
	const c = stream.DefaultChunkSize
	eachDecrypter(t, func(t *testing.T, m mode, d decrypter) {
		plain := text(40 * c)
		sealed := m.seal(plain)
		p := make([]byte, c)
		for name, r := range map[string]io.Reader{
			"decrypting": d.open(bytes.NewReader(sealed), c),
			"encrypting": m.reader(bytes.NewReader(plain), c),
		} {
			if _, err := io.ReadFull(r, p); err != nil {
				t.Fatal(err)
			}
			got := testing.AllocsPerRun(30, func() {
				if _, err := io.ReadFull(r, p); err != nil {
					t.Fatal(err)
				}
			})
			if got != 0 {
				t.Errorf("%s: %v allocations per Read, want 0", name, got)
			}
		}
	})
}

type dropSink struct{}

func (dropSink) Write(p []byte) (int, error) { return len(p), nil }

// TestConstantMemory sends 64 MiB through each direction and compares what was
// allocated on the way with the chunks of its runs.
func TestConstantMemory(t *testing.T) {
	const size = 64 << 20
	measure := func(f func()) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	copyAll := func(dst io.Writer, src io.Reader) {
		if n, err := io.Copy(dst, src); err != nil || n < size {
			t.Errorf("Copy = %d, %v", n, err)
		}
	}
	for name, open := range map[string]struct {
		writer func(dst io.Writer) encryptWriter
		reader func(src io.Reader) io.Reader
	}{
		"GCM": {
			func(dst io.Writer) encryptWriter { return must(stream.NewGCMEncryptWriter(dst, testKey, testIV, nil)) },
			func(src io.Reader) io.Reader { return must(stream.NewGCMUnverifiedReader(src, testKey, testIV, nil)) },
		},
		"CBC": {
			func(dst io.Writer) encryptWriter { return must(stream.NewCBCEncryptWriter(dst, testKey, testIV2)) },
			func(src io.Reader) io.Reader { return must(stream.NewCBCDecryptReader(src, testKey, testIV2)) },
		},
	} {
		pr, pw := io.Pipe()
		var wg sync.WaitGroup
		got := measure(func() {
			wg.Go(func() {
				w := open.writer(pw)
				copyAll(w, io.LimitReader(zeros{}, size))
				pw.CloseWithError(w.Close())
			})
			copyAll(dropSink{}, open.reader(pr))
			wg.Wait()
		})
		// Two streams, each with two chunks a core.
		limit := uint64(4<<20 + 4*runtime.GOMAXPROCS(0)*stream.DefaultChunkSize)
		if got > limit {
			t.Errorf("%s: %d bytes allocated for a stream of 64 MiB, want at most %d", name, got, limit)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestConcurrentStreams runs many streams at once: they share buffers.
func TestConcurrentStreams(t *testing.T) {
	var wg sync.WaitGroup
	for g := range 32 {
		wg.Go(func() {
			m := []mode{gcmMode(), cbcMode()}[g%2]
			for n := g; n < 3000; n += 331 {
				var buf bytes.Buffer
				if err := writeAll(m.writer(&buf, 48), text(n)); err != nil {
					t.Error(err)
				}
				if !bytes.Equal(buf.Bytes(), m.seal(text(n))) {
					t.Errorf("len=%d: wrong ciphertext", n)
				}
				for _, d := range m.decrypt {
					if err := checkReader(d.open(&buf, 48), text(n)); err != nil {
						t.Errorf("len=%d: %v", n, err)
					}
					buf.Reset()
					buf.Write(m.seal(text(n)))
				}
			}
		})
	}
	wg.Wait()
}

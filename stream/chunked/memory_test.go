// SPDX-License-Identifier: Apache-2.0

package chunked_test

import (
	"bytes"
	"io"
	"runtime"
	"sync"
	"testing"

	"github.com/s3seal/s3seal/internal/race"
	"github.com/s3seal/s3seal/stream/chunked"
)

// dropSink takes everything.
type dropSink struct{}

func (dropSink) Write(p []byte) (int, error) { return len(p), nil }

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestAllocations: a stream that runs allocates nothing, in either direction
// and for calls of any size.
func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector drops pooled buffers at random")
	}
	ct := seal(text(280 * run))
	for _, n := range []int{100, chunk, run, 3*run + 1, 10 * run} {
		w := must(chunked.NewEncryptWriter(dropSink{}, testKey, nil))
		enc := must(chunked.NewEncryptReader(zeros{}, testKey, nil))
		dec := must(chunked.NewDecryptReader(bytes.NewReader(ct), testKey, testContext))
		p := make([]byte, n)
		for name, call := range map[string]func() error{
			"EncryptWriter": func() error { _, err := w.Write(p); return err },
			"EncryptReader": func() error { _, err := io.ReadFull(enc, p); return err },
			"DecryptReader": func() error { _, err := io.ReadFull(dec, p); return err },
		} {
			var err error
			got := testing.AllocsPerRun(25, func() {
				if err == nil {
					err = call()
				}
			})
			if got >= 1 || err != nil {
				t.Errorf("%s, %d bytes: %v allocations, %v, want none", name, n, got, err)
			}
		}
	}
}

// TestConstantMemory sends 64 MiB through writer and reader and compares what
// was allocated on the way with a few runs.
func TestConstantMemory(t *testing.T) {
	const size = 64 << 20
	var before, after runtime.MemStats
	pr, pw := io.Pipe()
	var wg sync.WaitGroup
	runtime.ReadMemStats(&before)
	wg.Go(func() {
		w := must(chunked.NewEncryptWriter(pw, testKey, nil))
		_, err := io.Copy(w, io.LimitReader(zeros{}, size))
		if err == nil {
			err = w.Close()
		}
		pw.CloseWithError(err)
	})
	n, err := io.Copy(dropSink{}, must(chunked.NewDecryptReader(pr, testKey, nil)))
	wg.Wait()
	runtime.ReadMemStats(&after)
	if n != size || err != nil {
		t.Errorf("Copy = %d, %v", n, err)
	}
	most := uint64(16+8*runtime.GOMAXPROCS(0)) << 17
	if got := after.TotalAlloc - before.TotalAlloc; got > most && !race.Enabled {
		t.Errorf("%d bytes allocated for a stream of 64 MiB, want at most %d", got, most)
	}
}

// TestAllCores sends a long stream through every way of bulk transfer, and
// alters it where several cores are at work.
func TestAllCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	plain := text(30*run + 5)
	ct := seal(plain)
	for name, seal := range encrypters {
		if got, err := seal(testKey, testSalt, testContext, plain); err != nil || !bytes.Equal(got, ct) {
			t.Errorf("%s: %v, or other bytes", name, err)
		}
	}
	bulk := map[string]decrypter{"WriteTo": decrypters["WriteTo"], "Read": readBulk}
	for name, open := range bulk {
		if got, err := open(testKey, testContext, ct); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%s: %v, or other bytes", name, err)
		}
		for _, k := range []int{0, 6, 7, 13, 14, 20, 100, 102, 104, 30 * 7} {
			at := header + k*sealed + 5
			ct[at] ^= 1
			got, err := open(testKey, testContext, ct)
			if !isDecrypt(err) || !bytes.Equal(got, plain[:k*chunk]) {
				t.Errorf("%s: chunk %d altered: %d bytes, %v, want %d and ErrDecrypt", name, k, len(got), err, k*chunk)
			}
			ct[at] ^= 1
		}
	}
}

// readBulk reads into a buffer that is large enough for all cores.
func readBulk(key, context, ct []byte) ([]byte, error) {
	r, err := chunked.NewDecryptReader(bytes.NewReader(ct), key, context)
	if err != nil {
		return nil, err
	}
	var got []byte
	p := make([]byte, 10*(run-1)) // just too short for ten runs
	for err == nil {
		var n int
		n, err = r.Read(p)
		got = append(got, p[:n]...)
	}
	if err == io.EOF {
		err = nil
	}
	return got, err
}

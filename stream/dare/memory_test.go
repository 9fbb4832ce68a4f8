// SPDX-License-Identifier: Apache-2.0

package dare_test

import (
	"io"
	"runtime"
	"sync"
	"testing"

	"github.com/s3seal/s3seal/internal/race"
	"github.com/s3seal/s3seal/stream/dare"
)

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestConstantMemory sends 64 MiB through each type that encrypts and through a
// reader, and compares what was allocated on the way with some packages.
func TestConstantMemory(t *testing.T) {
	const size = 64 << 20
	plain := io.LimitReader(zeros{}, size)
	encrypt := map[string]func(dst io.Writer) error{
		"EncryptWriter": func(dst io.Writer) error {
			w := must(dare.NewEncryptWriter(dst, testKey))
			if _, err := io.Copy(w, plain); err != nil {
				return err
			}
			return w.Close()
		},
		"EncryptReader": func(dst io.Writer) error {
			_, err := io.Copy(dst, must(dare.NewEncryptReader(plain, testKey)))
			return err
		},
	}
	for name, encrypt := range encrypt {
		plain = io.LimitReader(zeros{}, size)
		pr, pw := io.Pipe()
		var wg sync.WaitGroup
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		wg.Go(func() { pw.CloseWithError(encrypt(pw)) })
		n, err := io.Copy(struct{ io.Writer }{io.Discard}, must(dare.NewDecryptReader(pr, testKey)))
		wg.Wait()
		runtime.ReadMemStats(&after)
		if n != size || err != nil {
			t.Errorf("%s: Copy = %d, %v", name, n, err)
		}
		most := uint64(16+8*runtime.GOMAXPROCS(0)) << 17
		if got := after.TotalAlloc - before.TotalAlloc; got > most && !race.Enabled {
			t.Errorf("%s: %d bytes allocated for a stream of 64 MiB, want at most %d", name, got, most)
		}
	}
}

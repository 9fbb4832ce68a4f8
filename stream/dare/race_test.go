// SPDX-License-Identifier: Apache-2.0

package dare_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/sio"

	"github.com/s3seal/s3seal/internal/race"
	"github.com/s3seal/s3seal/stream/dare"
)

// TestWeakRace runs TestSIORaces in a process of its own: parallel ReadAt of
// sio, which io.ReaderAt demands, is a data race.
func TestWeakRace(t *testing.T) {
	if !race.Enabled {
		t.Skip("needs the race detector")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestSIORaces$", "-test.v", "-test.timeout=1m")
	cmd.Env = append(os.Environ(), "S3SEAL_TEST_RACE=1")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "DATA RACE") {
		mended(t, "no data race in parallel ReadAt: %v\n%s", err, out)
	}
}

func TestSIORaces(t *testing.T) {
	if os.Getenv("S3SEAL_TEST_RACE") == "" {
		t.Skip("only for TestWeakRace")
	}
	src := slow{bytes.NewReader(seal(text(1000)))}
	r := must(sio.DecryptReaderAt(src, sio.Config{Key: testKey}))
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { r.ReadAt(make([]byte, 10), 10) })
	}
	wg.Wait()
}

// A slow source lets calls overlap, and no lock orders them.
type slow struct{ r *bytes.Reader }

func (s slow) ReadAt(p []byte, off int64) (int, error) {
	time.Sleep(5 * time.Millisecond)
	return s.r.ReadAt(p, off)
}

// TestParallelReadAt reads random ranges from 16 goroutines at once.
func TestParallelReadAt(t *testing.T) {
	plain := text(5*dare.PayloadSize + 1234)
	sealed := seal(plain)
	kept := slices.Clone(sealed)
	r := must(dare.NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), testKey))
	var wg sync.WaitGroup
	for g := range uint64(16) {
		wg.Go(func() {
			dice := rand.New(rand.NewPCG(g, 1))
			for range 50 {
				off := dice.IntN(len(plain))
				p := make([]byte, 1+dice.IntN(min(len(plain)-off, 3*dare.PayloadSize)))
				if n, err := r.ReadAt(p, int64(off)); n != len(p) || err != nil || !bytes.Equal(p, plain[off:][:n]) {
					t.Errorf("ReadAt(%d bytes, %d) = %d, %v", len(p), off, n, err)
					return
				}
			}
		})
	}
	wg.Wait()
	if !bytes.Equal(sealed, kept) {
		t.Error("the source was written to")
	}
}

// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"io"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/dir"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/internal/race"
)

// TestConstantMemory puts an object and gets it into a file, and sees what is
// allocated meanwhile, garbage included: less than for a copy of it.
func TestConstantMemory(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector drops pooled buffers at random")
	}
	const size, part = 16 << 20, 256 << 10
	folder := memoryFolder(t)
	d := must(dir.New(folder, nil))(t)
	t.Cleanup(func() { d.Close() })
	parts := newPartsDriver(d)
	parts.limits.PartSize, parts.limits.MinPartSize = part, part
	src := bytes.NewReader(make([]byte, size))
	for _, p := range append(suites(t)[:3], profile{"Chunked", envelope.Chunked, gcmKey(t)}, profile{"DARE", dare.DARE2, gcmKey(t)}) {
		opts := &backend.Options{Open: everything(nil), Download: backend.DownloadOptions{PartSize: part}}
		opts.Seal.Suite, opts.Open.ExtraSuites = p.suite, []envelope.Suite{dare.DARE2}
		b := backend.NewBucket(parts, p.key, p.key, opts)
		out := filepath.Join(folder, ".out")
		ops := map[string]func() error{
			"Put":     func() error { return second(b.Put(t.Context(), "key", io.NewSectionReader(src, 0, size), -1, nil)) },
			"GetFile": func() error { return second(b.GetFile(t.Context(), "key", out)) },
			"PutResumable": func() error {
				return second(b.PutResumable(t.Context(), "key", src, size, filepath.Join(folder, ".state"), nil))
			},
		}
		for _, op := range []string{"Put", "GetFile", "PutResumable"} {
			if op == "PutResumable" && (p.name == "Chunked" || p.name == "DARE") {
				continue // has no parts
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := ops[op]()
			runtime.ReadMemStats(&after)
			if got := after.TotalAlloc - before.TotalAlloc; err != nil || got > size*3/4 {
				t.Errorf("%s: %s: %v, %d bytes allocated for %d", p.name, op, err, got, size)
			}
		}
	}
}

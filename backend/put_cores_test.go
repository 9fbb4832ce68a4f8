// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"context"
	"io"
	"runtime"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// readingDriver reads bodies into a large buffer, as one for parts does, and notes
// the most that came at once.
type readingDriver struct {
	backend.Driver
	most int
}

func (d *readingDriver) Put(_ context.Context, key string, body io.Reader, _ int64, _ *backend.PutOptions) (*backend.Info, error) {
	p := make([]byte, 8<<20)
	info := &backend.Info{Key: key, ETag: "etag"}
	for {
		n, err := body.Read(p)
		info.Size += int64(n)
		d.most = max(d.most, n)
		if err == io.EOF {
			return info, nil
		} else if err != nil {
			return nil, err
		}
	}
}

// TestPutUsesAllCores: a body comes in large pieces, which streams deliver only if
// they have encrypted what is in them on all cores. One core gets one chunk.
func TestPutUsesAllCores(t *testing.T) {
	data := bytes.Repeat([]byte{1}, 16<<20)
	key := must(wrap.NewAESGCM(kek(32)))(t)
	for _, suite := range []envelope.Suite{envelope.V3, envelope.V2GCM, envelope.Chunked} {
		for cores, want := range map[int]bool{1: false, 2: true, 8: true} {
			func() {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
				d := &readingDriver{Driver: mem.New()}
				b := backend.NewBucket(d, key, nil, &backend.Options{Seal: envelope.SealOptions{Suite: suite}})
				if _, err := b.Put(t.Context(), "key", bytes.NewReader(data), -1, nil); err != nil {
					t.Fatal(err)
				}
				if got := d.most > 1<<20; got != want {
					t.Errorf("%v on %d cores: %d bytes at once", suite, cores, d.most)
				}
			}()
		}
	}
}

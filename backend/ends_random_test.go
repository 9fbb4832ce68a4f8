// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/dir"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
)

// TestPutCancelledAnywhere cancels a put whose storage has stopped to move, at
// places all over the body: it ends at once, on a clock that only the test moves,
// with the error of the context, leaves nothing, and no goroutine.
func TestPutCancelledAnywhere(t *testing.T) {
	size := int64(2*chunk + 100)
	for at := int64(0); at < size; at += 1 + size/23 {
		for _, p := range suites(t) {
			bubble(t, fmt.Sprintf("%s,%d", p.name, at), func(t *testing.T) {
				d := backendtest.Faulty(mem.New(), backendtest.Faults{PutHangs: true, PutAt: at})
				ctx, cancel := context.WithCancel(t.Context())
				var cancelled time.Time
				time.AfterFunc(time.Minute, func() { cancelled = time.Now(); cancel() })
				_, err := p.bucket(d).Put(ctx, "key", bytes.NewReader(pattern(int(size))), -1, nil)
				wantErr(t, "Put", err, context.Canceled)
				if late := time.Since(cancelled); cancelled.IsZero() || late > 100*time.Millisecond {
					t.Errorf("Put ended %v after it was cancelled", late)
				}
				wantNone(t, d, "key")
			})
		}
	}
}

// TestDescriptorsOfThousand does a thousand things with a bucket of files, in every
// format, good ones and such as fail: no file stays open.
func TestDescriptorsOfThousand(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	d := must(dir.New(t.TempDir(), nil))(t)
	t.Cleanup(func() { d.Close() })
	to, spool := filepath.Join(t.TempDir(), "out"), t.TempDir()
	open := func() int { return len(must(os.ReadDir("/proc/self/fd"))(t)) }
	round := func(p profile) {
		opts := &backend.Options{Open: everything(envelope.Spool(spool, 1<<20)), Download: noResume}
		opts.Seal.Suite = p.suite
		b := backend.NewBucket(d, p.key, p.key, opts)
		bad := backend.NewBucket(backendtest.Faulty(d, backendtest.Faults{GetFlip: 1, GetAt: 3}), p.key, p.key, opts)
		must(b.Put(t.Context(), "key", bytes.NewReader(pattern(200)), -1, nil))(t)
		for _, b := range []*backend.Bucket{b, bad} {
			if o, err := b.Get(t.Context(), "key"); err == nil {
				_, _ = readAll(o, nil)
				o.Close()
			}
			if o, err := b.GetRange(t.Context(), "key", 10, 20); err == nil {
				o.Close() // unread
			}
			_, _ = b.GetFile(t.Context(), "key", to)
		}
		must(b.Stat(t.Context(), "key"))(t)
		w := create(t, t.Context(), b, "other", 100)
		w.Abort(nil)
		if err := b.Delete(t.Context(), "key"); err != nil {
			t.Fatal(err)
		}
	}
	formats := append(suites(t), profile{"Chunked", envelope.Chunked, gcmKey(t)})
	round(formats[0])
	before := open()
	for i := range 100 { // of ten operations
		round(formats[i%len(formats)])
	}
	if after := open(); after > before {
		t.Errorf("%d open files, were %d", after, before)
	}
}

// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"io"
	"os"
	"runtime"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/wrap"
)

// A closingSource closes the reader that reads it.
type closingSource struct {
	r     io.Reader
	rc    io.Closer
	calls int
}

func (c *closingSource) Read(p []byte) (int, error) {
	if c.calls++; c.calls == 3 {
		c.rc.Close()
	}
	return c.r.Read(p)
}

// TestCloseInside closes a reader from inside of its source, as one that watches
// a context may. Close is not undone, nothing is opened after it, and nothing
// stays open.
func TestCloseInside(t *testing.T) {
	key := pair{envelope.V3, wrap.AESGCM}.key(t)
	o := sealObject(t, key, nil, make([]byte, 5<<20))
	dir := t.TempDir()
	reopened := 0
	for name, rule := range map[string]envelope.Release{
		"Buffered": envelope.Buffered(64 << 20),
		"Spool":    envelope.Spool(dir, 1<<30),
		"TwoPass": envelope.TwoPass(func() (io.ReadCloser, error) {
			reopened++
			return io.NopCloser(bytes.NewReader(o.body)), nil
		}),
		"Unverified": envelope.UnverifiedUntilEOF(),
	} {
		src := &closingSource{r: bytes.NewReader(o.body)}
		rc := must[io.ReadCloser](t)(openerOf(t, o, key, rule).Reader(src, -1))
		src.rc = rc
		for range 2 {
			if _, err := io.Copy(io.Discard, struct{ io.Reader }{rc}); err != stream.ErrClosed {
				t.Errorf("%s: %v, want ErrClosed", name, err)
			}
		}
	}
	if reopened > 0 {
		t.Error("TwoPass: the body was opened again after Close")
	}
	if left := must[[]os.DirEntry](t)(os.ReadDir(dir)); len(left) > 0 {
		t.Errorf("Spool: left behind: %v", left)
	}
}

// TestCloseFrees checks that a closed reader does not hold on to what it has
// buffered.
func TestCloseFrees(t *testing.T) {
	const size = 32 << 20
	key := pair{envelope.V3, wrap.AESGCM}.key(t)
	o := sealObject(t, key, nil, make([]byte, size))
	rc := must[io.ReadCloser](t)(openerOf(t, o, key, envelope.Buffered(64<<20)).Reader(bytes.NewReader(o.body), -1))
	// What others have left in pools is gone after two collections. If it went
	// between the measurements, it would make up for what is kept.
	inUse := func() int64 {
		for range 3 {
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := inUse()
	if _, err := rc.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	rc.Close()
	if kept := inUse() - before; kept > size/4 {
		t.Errorf("%d bytes are kept after Close", kept)
	}
	runtime.KeepAlive(rc)
	runtime.KeepAlive(o)
}

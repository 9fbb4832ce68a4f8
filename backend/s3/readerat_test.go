// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"sync"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/s3/s3test"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/wrap"
)

// eachOwn runs f for each format of s3seal's own on each server.
func eachOwn(t *testing.T, f func(t *testing.T, d *backendtest.FaultyDriver, b *backend.Bucket)) {
	t.Helper()
	key, err := wrap.NewAESGCM(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		name := srv.NewBucket(t)
		for _, suite := range []envelope.Suite{envelope.Chunked, dare.DARE2} {
			t.Run(suite.String(), func(t *testing.T) {
				d := backendtest.Faulty(newDriver(t, srv.Client(t), name, smallParts), backendtest.Faults{})
				f(t, d, backend.NewBucket(d, key, key, &backend.Options{
					Seal: envelope.SealOptions{Suite: suite},
					Open: envelope.OpenOptions{AllowUncommitted: true, ExtraSuites: []envelope.Suite{dare.DARE2}, RequireBound: true},
					Name: name,
					Bind: true,
				}))
			})
		}
	})
}

// TestOwnReaderAt reads an object of two parts at many offsets at once, each by
// one request, until it is replaced.
func TestOwnReaderAt(t *testing.T) {
	const size = 6*mib + 5
	data := pattern(size)
	eachOwn(t, func(t *testing.T, d *backendtest.FaultyDriver, b *backend.Bucket) {
		if _, err := b.Put(t.Context(), "k", bytes.NewReader(data), -1, nil); err != nil {
			t.Fatal(err)
		}
		r, err := b.ReaderAt(t.Context(), "k")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if r.Size() != size || !r.Authenticated() || d.Gets() > 2 {
			t.Errorf("Size = %d, authenticated %v, %d requests", r.Size(), r.Authenticated(), d.Gets())
		}
		before := d.Gets()
		var wg sync.WaitGroup
		for i := range int64(8) {
			wg.Go(func() {
				off, p := i*size/8+1000, make([]byte, 64<<10)
				if n, err := r.ReadAt(p, off); err != nil || !bytes.Equal(p, data[off:][:len(p)]) {
					t.Errorf("ReadAt at %d = %d, %v, or others", off, n, err)
				}
			})
		}
		wg.Wait()
		if n := d.Gets() - before; n > 8 {
			t.Errorf("%d requests for 8 reads", n)
		}
		all := make([]byte, size)
		if n, err := r.ReadAt(all, 0); n != size || err != nil || !bytes.Equal(all, data) {
			t.Errorf("ReadAt of all = %d, %v, or others", n, err)
		}
		if _, err := b.Put(t.Context(), "k", bytes.NewReader(data), -1, nil); err != nil {
			t.Fatal(err)
		}
		if n, err := r.ReadAt(all, 0); !errors.Is(err, backend.ErrChanged) {
			t.Errorf("ReadAt after a put = %d, %v, want ErrChanged", n, err)
		}
		if n := d.OpenBodies(); n != 0 {
			t.Errorf("%d bodies left open", n)
		}
	})
}

// TestOwnZip reads one file of a sealed archive.
func TestOwnZip(t *testing.T) {
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for name, size := range map[string]int{"first": 3 * mib, "second": 1000, "third": 2 * mib} {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name}) // not compressed
		if err == nil {
			_, err = f.Write(pattern(size))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	eachOwn(t, func(t *testing.T, d *backendtest.FaultyDriver, b *backend.Bucket) {
		if _, err := b.Put(t.Context(), "zip", bytes.NewReader(archive.Bytes()), int64(archive.Len()), nil); err != nil {
			t.Fatal(err)
		}
		r, err := b.ReaderAt(t.Context(), "zip")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		files, err := zip.NewReader(r, r.Size())
		if err != nil {
			t.Fatal(err)
		}
		f, err := files.Open("second")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, pattern(1000)) {
			t.Errorf("%d bytes, %v, want 1000", len(got), err)
		}
		if d.Gets() > 6 {
			t.Errorf("%d requests for one file of an archive", d.Gets())
		}
	})
}

// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3"
	"github.com/s3seal/s3seal/backend/s3/s3test"
	"github.com/s3seal/s3seal/wrap"
)

// TestBucketFailsWhole: a sealed upload whose source fails half way, or that is
// aborted, leaves neither an object nor an upload, in one request or in many.
func TestBucketFailsWhole(t *testing.T) {
	key, err := wrap.NewAESGCM(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		name := srv.NewBucket(t)
		driver, err := s3.New(srv.Client(t), name, smallParts)
		if err != nil {
			t.Fatal(err)
		}
		b := backend.NewBucket(driver, key, key, nil)
		for _, size := range []int{1000, 11 * mib} {
			for _, cause := range []error{io.ErrUnexpectedEOF, errors.New("dump failed")} {
				src := func() io.Reader {
					return io.MultiReader(bytes.NewReader(pattern(size)), failing{cause})
				}
				if _, err := b.Put(t.Context(), "k", src(), -1, nil); !errors.Is(err, cause) || err == cause {
					t.Errorf("size=%d: Put = %v, want a wrapped %v", size, err, cause)
				}
				testAborted(t, b, src(), cause)
				wantObjects(t, srv, name)
				if n := srv.IncompleteUploads(t, name); n != 0 {
					t.Errorf("size=%d: %d uploads left", size, n)
				}
			}
		}
	})
}

// testAborted writes what there is of src and then aborts.
func testAborted(t *testing.T, b *backend.Bucket, src io.Reader, cause error) {
	t.Helper()
	w, err := b.Create(t.Context(), "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(struct{ io.Writer }{w}, src); err != cause {
		t.Errorf("Copy = %v, want %v", err, cause)
	}
	w.Abort(cause)
	if err := w.Close(); !errors.Is(err, backend.ErrAborted) || !errors.Is(err, cause) {
		t.Errorf("Close after Abort = %v, want %v", err, cause)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

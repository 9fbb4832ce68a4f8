// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3"
	"github.com/s3seal/s3seal/backend/s3/s3test"
)

const mib = 1 << 20

// smallParts make several parts of a body that is still quick to send.
var smallParts = &s3.Options{PartSize: 5 * mib, Concurrency: 3}

// tinyParts is the part size of drivers whose uploads are bound to fail: S3
// looks at the sizes only when an upload is completed.
const tinyParts = 100_000

func newTinyParts(t *testing.T, client *minio.Client, bucket string) *s3.Driver {
	t.Helper()
	d := newDriver(t, client, bucket, smallParts)
	d.SetPartSize(tinyParts)
	return d
}

var allPattern = sync.OnceValue(func() []byte {
	b := make([]byte, 16*mib)
	rand.NewChaCha8([32]byte{}).Read(b)
	return b
})

// pattern returns n bytes that look random and are always the same. They must
// not be changed.
func pattern(n int) []byte { return allPattern()[:n:n] }

// A source delivers n bytes of the pattern and then fails with err or ends.
type source struct {
	n    int
	err  error
	hook func(off int) // called before each read

	data []byte
	off  int
}

func (s *source) Read(p []byte) (int, error) {
	if s.data == nil {
		s.data = pattern(s.n)
	}
	if s.hook != nil {
		s.hook(s.off)
	}
	n := copy(p, s.data[s.off:])
	s.off += n
	if n > 0 {
		return n, nil
	}
	if s.err != nil {
		return 0, s.err
	}
	return 0, io.EOF
}

func mustPut(t *testing.T, d *s3.Driver, key string, data []byte) *backend.Info {
	t.Helper()
	info, err := d.Put(t.Context(), key, bytes.NewReader(data), int64(len(data)), &backend.PutOptions{})
	if err != nil {
		t.Fatalf("Put(%q, %d bytes) = %v", key, len(data), err)
	}
	return info
}

func readAll(t *testing.T, d *s3.Driver, key string, opts backend.GetOptions) ([]byte, error) {
	t.Helper()
	body, _, err := d.Get(t.Context(), key, &opts)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(body)
	return data, errors.Join(err, body.Close())
}

// wantBody fails the test unless data is stored under key.
func wantBody(t *testing.T, d *s3.Driver, key string, data []byte) {
	t.Helper()
	got, err := readAll(t, d, key, backend.GetOptions{})
	if err != nil {
		t.Fatalf("Get(%q) = %v", key, err)
	}
	if !bytes.Equal(got, data) {
		t.Fatalf("Get(%q) = %d bytes, want %d others", key, len(got), len(data))
	}
}

// wantObjects fails the test unless the bucket holds these objects, no others
// and nothing else.
func wantObjects(t *testing.T, srv *s3test.Server, bucket string, keys ...string) {
	t.Helper()
	if got := srv.Objects(t, bucket); !slices.Equal(got, keys) {
		t.Errorf("objects in the bucket: got %q, want %q", got, keys)
	}
	if n := srv.IncompleteUploads(t, bucket); n != 0 {
		t.Errorf("incomplete uploads: got %d, want 0", n)
	}
}

// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/s3"
	"github.com/s3seal/s3seal/backend/s3/s3test"
)

func TestMain(m *testing.M) {
	// The client waits longer before each retry. No test needs that.
	minio.DefaultRetryUnit, minio.DefaultRetryCap = time.Millisecond, 20*time.Millisecond
	s3test.Main(m)
}

func newDriver(t *testing.T, client *minio.Client, bucket string, opts *s3.Options) *s3.Driver {
	t.Helper()
	d, err := s3.New(client, bucket, opts)
	if err != nil {
		t.Fatalf("New = %v", err)
	}
	return d
}

func TestConformance(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		client := srv.Client(t)
		var bucket string
		backendtest.TestDriverHarness(t, backendtest.Harness{
			Multipart:       true,
			List:            true,
			Headers:         true,
			ReplaceMetadata: true,
			New: func(t *testing.T) backend.Driver {
				bucket = srv.NewBucket(t)
				d := newDriver(t, client, bucket, nil)
				if strings.HasSuffix(t.Name(), "/KeysOdd") || strings.HasSuffix(t.Name(), "/KeyAndFolder") {
					return &foreseeing{Driver: d, srv: srv, t: t, bucket: bucket}
				}
				return d
			},
			Leftovers: func(context.Context, backend.Driver) (int, error) {
				return srv.IncompleteUploads(t, bucket), nil
			},
		})
	})
}

// A foreseeing driver knows which keys of those that S3 holds this server does
// not. The suite wants to be told before the body is read; a driver for S3
// learns it from the answer only. TestKeysThatTheServerRefuses is about those.
type foreseeing struct {
	*s3.Driver
	srv    *s3test.Server
	t      *testing.T
	bucket string
}

func (f *foreseeing) refuses(key string) error {
	for segment := range strings.SplitSeq(key, "/") {
		if len(segment) > 255 {
			return fmt.Errorf("%w: too long for a file name", backend.ErrKey)
		}
	}
	if f.srv.Name == "minio" && strings.Contains(key, "//") ||
		f.srv.Name == "versitygw" && strings.HasSuffix(key, "/") {
		return fmt.Errorf("%w: slashes", backend.ErrKey)
	}
	if f.srv.Name != "versitygw" {
		return nil
	}
	for _, other := range f.srv.Objects(f.t, f.bucket) {
		if strings.HasPrefix(other, key+"/") || strings.HasPrefix(key, other+"/") {
			return fmt.Errorf("%w: beside %q", backend.ErrKey, other)
		}
	}
	return nil
}

func (f *foreseeing) Put(ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
	if err := f.refuses(key); err != nil {
		return nil, err
	}
	return f.Driver.Put(ctx, key, body, size, opts)
}

func (f *foreseeing) Get(ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
	if err := f.refuses(key); err != nil {
		return nil, nil, err
	}
	return f.Driver.Get(ctx, key, opts)
}

func (f *foreseeing) Stat(ctx context.Context, key string) (*backend.Info, error) {
	if err := f.refuses(key); err != nil {
		return nil, err
	}
	return f.Driver.Stat(ctx, key)
}

func (f *foreseeing) Delete(ctx context.Context, key string) error {
	if err := f.refuses(key); err != nil {
		return err
	}
	return f.Driver.Delete(ctx, key)
}

func TestKeysThatTheServerRefuses(t *testing.T) {
	long := strings.Repeat("l", 256)
	refused := map[string][]string{
		"minio":     {"a//b", long},
		"versitygw": {"trailing/", "there/below", "folder", long},
	}
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		d := newDriver(t, srv.Client(t), bucket, &s3.Options{PartSize: 5 << 20})
		mustPut(t, d, "there", []byte("file"))
		mustPut(t, d, "folder/file", []byte("file"))
		for _, key := range refused[srv.Name] {
			_, err := d.Put(t.Context(), key, &source{n: 10}, 10, &backend.PutOptions{})
			if !errors.Is(err, backend.ErrKey) {
				t.Errorf("Put(%.10q) = %v, want ErrKey", key, err)
			}
			// For an upload the server may find no better word than internal error.
			if _, err := d.Put(t.Context(), key, &source{n: 6 * mib}, -1, &backend.PutOptions{}); err == nil {
				t.Errorf("Put(%.10q) of two parts = nil, want an error", key)
			}
		}
		wantObjects(t, srv, bucket, "folder/file", "there")
	})
}

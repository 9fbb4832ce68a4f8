// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/wrap"
)

// A folder becomes one object, without a file in between. os.DirFS makes an fs.FS
// of a real one.
func ExampleBucket_Create_tar() {
	ctx := context.Background()
	key, err := wrap.NewAESGCM(bytes.Repeat([]byte{1}, 32)) // real keys come from files
	if err != nil {
		log.Fatal(err)
	}
	bucket := backend.NewBucket(mem.New(), key, key, nil)
	folder := fstest.MapFS{
		"etc/hosts":      {Data: []byte("127.0.0.1 localhost\n")},
		"etc/ssl/ca.pem": {Data: []byte("-----BEGIN\n")},
	}

	w, err := bucket.Create(ctx, "etc.tar", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer w.Abort(nil) // does nothing after Close
	archive := tar.NewWriter(w)
	if err := errors.Join(archive.AddFS(folder), archive.Close()); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	obj, err := bucket.Get(ctx, "etc.tar")
	if err != nil {
		log.Fatal(err)
	}
	defer obj.Close()
	files := tar.NewReader(obj)
	for {
		h, err := files.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(h.Name, h.Size)
	}
	// Output:
	// etc/ 0
	// etc/hosts 20
	// etc/ssl/ 0
	// etc/ssl/ca.pem 11
}

// A tenant is a driver of one's own: it keeps the objects of one tenant under a
// prefix of another driver, and knows no others.
type tenant struct {
	name  string
	under backend.Driver
}

// in returns the key below. An invalid one stays invalid.
func (d tenant) in(key string) string {
	if key == "" {
		return ""
	}
	return d.name + "/" + key
}

// out returns info as it is seen from above.
func (d tenant) out(info *backend.Info) *backend.Info {
	if info == nil {
		return nil
	}
	own := *info
	own.Key = strings.TrimPrefix(info.Key, d.name+"/")
	return &own
}

func (d tenant) Put(ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
	info, err := d.under.Put(ctx, d.in(key), body, size, opts)
	return d.out(info), err
}

func (d tenant) Get(ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
	body, info, err := d.under.Get(ctx, d.in(key), opts)
	return body, d.out(info), err
}

func (d tenant) Stat(ctx context.Context, key string) (*backend.Info, error) {
	info, err := d.under.Stat(ctx, d.in(key))
	return d.out(info), err
}

func (d tenant) Delete(ctx context.Context, key string) error {
	return d.under.Delete(ctx, d.in(key))
}

// TestTenant is the test of a driver of one's own.
func TestTenant(t *testing.T) {
	backendtest.TestDriver(t, func(t *testing.T) backend.Driver { return tenant{"a", mem.New()} })
}

// A driver of one's own keeps what Driver says of it, for which there is
// backendtest.TestDriver:
//
//	func TestTenant(t *testing.T) {
//		backendtest.TestDriver(t, func(t *testing.T) backend.Driver { return tenant{"a", mem.New()} })
//	}
func ExampleDriver() {
	ctx := context.Background()
	key, err := wrap.NewAESGCM(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		log.Fatal(err)
	}
	store := mem.New()
	alice := backend.NewBucket(tenant{"alice", store}, key, key, nil)
	bob := backend.NewBucket(tenant{"bob", store}, key, key, nil)
	if _, err := alice.Put(ctx, "diary", strings.NewReader("dear diary"), -1, nil); err != nil {
		log.Fatal(err)
	}
	_, err = bob.Stat(ctx, "diary")
	fmt.Println(errors.Is(err, backend.ErrNotExist))
	info, err := alice.Stat(ctx, "diary")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Key, info.PlaintextSizeMax)
	// Output:
	// true
	// diary 10
}

// SPDX-License-Identifier: Apache-2.0

package mem_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/mem"
)

func TestDriver(t *testing.T) {
	backendtest.TestDriverHarness(t, backendtest.Harness{
		Multipart:       true,
		List:            true,
		Headers:         true,
		ReplaceMetadata: true,
		New:             func(*testing.T) backend.Driver { return mem.New() },
		Leftovers: func(ctx context.Context, d backend.Driver) (int, error) {
			uploads, err := d.(backend.Multiparter).ListUploads(ctx, "")
			return len(uploads), err
		},
	})
}

// TestETag is more than the contract asks for: a new version has a new ETag
// whatever has changed, and an ETag never comes back.
func TestETag(t *testing.T) {
	d := mem.New()
	seen := map[string]bool{}
	for i := range 20 {
		info, err := d.Put(t.Context(), "key", strings.NewReader("same"), 4, &backend.PutOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if seen[info.ETag] {
			t.Fatalf("put %d: ETag %q again", i, info.ETag)
		}
		seen[info.ETag] = true
		if i%3 == 0 {
			if err := d.Delete(t.Context(), "key"); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestReadAfterClose(t *testing.T) {
	d := mem.New()
	if _, err := d.Put(t.Context(), "key", bytes.NewReader(make([]byte, 100)), 100, &backend.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	rc, _, err := d.Get(t.Context(), "key", &backend.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	rc.Close()
	if _, err := rc.Read(make([]byte, 1)); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Read after Close = %v, want fs.ErrClosed", err)
	}
}

// TestDeclaredSizeAllocatesNothing declares a body that no memory could hold.
func TestDeclaredSizeAllocatesNothing(t *testing.T) {
	_, err := mem.New().Put(t.Context(), "key", strings.NewReader("x"), 1<<50, &backend.PutOptions{})
	if !errors.Is(err, backend.ErrSize) {
		t.Errorf("Put = %v, want ErrSize", err)
	}
}

func ExampleNew() {
	ctx := context.Background()
	d := mem.New()
	opts := &backend.PutOptions{Metadata: map[string]string{"colour": "blue"}}
	if _, err := d.Put(ctx, "key", strings.NewReader("stored as it is"), -1, opts); err != nil {
		log.Fatal(err)
	}
	body, info, err := d.Get(ctx, "key", &backend.GetOptions{Range: &backend.Range{Offset: 10, Length: -1}})
	if err != nil {
		log.Fatal(err)
	}
	defer body.Close()
	part, err := io.ReadAll(body)
	fmt.Printf("%q of %d bytes, %v, %v\n", part, info.Size, info.Metadata, err)
	// Output: "it is" of 15 bytes, map[colour:blue], <nil>
}

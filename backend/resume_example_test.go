// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/wrap"
)

// A line that breaks after the first part.
type badLine struct {
	*mem.Driver
	parts int
}

func (d *badLine) UploadLimits() backend.UploadLimits {
	limits := d.Driver.UploadLimits()
	limits.PartSize = 16 // few bytes for an example
	return limits
}

func (d *badLine) PutPart(ctx context.Context, key, id string, number int, body []byte) (backend.Part, error) {
	if d.parts--; d.parts < 0 {
		return backend.Part{}, errors.New("connection lost")
	}
	return d.Driver.PutPart(ctx, key, id, number, body)
}

func ExampleBucket_PutResumable() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	state := filepath.Join(folder, "upload.state")

	key, err := wrap.NewAESGCM(make([]byte, 32)) // use a key of random bytes
	if err != nil {
		fmt.Println(err)
		return
	}
	line := &badLine{mem.New(), 1}
	bucket := backend.NewBucket(line, key, key, nil)
	put := func(text string) error {
		_, err := bucket.PutResumable(ctx, "notes", strings.NewReader(text), int64(len(text)), state, nil)
		return err
	}

	fmt.Println(put("more than two parts of 16 bytes each"))
	line.parts = 100
	fmt.Println(errors.Is(put("MORE than two parts of 16 bytes each"), stream.ErrPartChanged))
	fmt.Println(put("more than two parts of 16 bytes each"))

	// Output:
	// backend: put "notes": connection lost
	// true
	// <nil>
}

// A state file is for one object. Others are refused, and lose nothing.
func ExampleReadUploadState() {
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	state := filepath.Join(folder, "upload.state")

	key, err := wrap.NewAESGCM(make([]byte, 32)) // use a key of random bytes
	if err != nil {
		fmt.Println(err)
		return
	}
	bucket := backend.NewBucket(&badLine{mem.New(), 1}, key, key, &backend.Options{Name: "vault"})
	for _, name := range []string{"notes", "letters"} {
		text := "more than two parts of 16 bytes each"
		_, err := bucket.PutResumable(context.Background(), name, strings.NewReader(text), int64(len(text)), state, nil)
		fmt.Println(err)
	}
	upload, err := backend.ReadUploadState(state)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(upload.Bucket, upload.Key)

	// Output:
	// backend: put "notes": connection lost
	// backend: put "letters": backend: state file is for the upload of "notes" in bucket "vault", which would be lost
	// vault notes
}

func ExampleBucket_AbortStale() {
	ctx := context.Background()
	driver := mem.New()
	if _, err := driver.StartUpload(ctx, "notes", &backend.PutOptions{}); err != nil {
		fmt.Println(err)
		return
	}
	bucket := backend.NewBucket(driver, nil, nil, nil)
	list := func(opts *backend.StaleOptions) {
		found, err := bucket.AbortStale(ctx, "", 0, opts)
		fmt.Println(len(found), err)
	}

	list(nil) // no state file names it
	list(&backend.StaleOptions{AllUploads: true})
	list(&backend.StaleOptions{AllUploads: true, Abort: true})
	list(&backend.StaleOptions{AllUploads: true})

	// Output:
	// 0 <nil>
	// 1 <nil>
	// 1 <nil>
	// 0 <nil>
}

// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/s3seal/s3seal/backend"
)

const (
	// listPage is how much a storage lists at once.
	listPage = 1000

	// maxUploads and maxPages end a list of uploads that has no end. Storages know
	// no limit, and may give few at a time.
	maxUploads = 1_000_000
	maxPages   = 10_000
)

var (
	errNoMarker = errors.New("s3: the storage has more to list, and does not say from where on")
	errEndless  = errors.New("s3: the storage does not stop listing")
)

// ListUploads returns the uploads that are not over, as [backend.Multiparter]
// says. MinIO lists by a prefix only the uploads of the key that is the prefix,
// and without one only those since its start; so ListUploads asks both ways.
// MinIO also lists, for a day, uploads that were completed for a client that had
// hung up; so ListUploads asks for the parts of each, in a request of its own.
//
// A list that leads back to where it was, or nowhere, is an error, since what it
// leaves out would be taken for aborted, and so is one of more than a million
// uploads, or of 10,000 answers.
func (d *Driver) ListUploads(ctx context.Context, prefix string) ([]backend.Upload, error) {
	found := make(map[[2]string]backend.Upload)
	err := d.listUploads(ctx, prefix, prefix, found)
	if err == nil && prefix != "" {
		err = d.listUploads(ctx, "", prefix, found)
	}
	var list []backend.Upload
	for _, u := range found {
		if err == nil && !d.over(ctx, u.Key, u.ID) {
			list, err = append(list, u), ctx.Err()
		}
	}
	if err != nil {
		return nil, fault(ctx, "list uploads", prefix, err)
	}
	return list, nil
}

// listUploads asks for the uploads with one prefix, and keeps those with
// another.
//
// Each answer must end somewhere else than all before it. That it does so further
// on cannot be asked: some storages order uploads by time, or by more than the key.
func (d *Driver) listUploads(ctx context.Context, ask, keep string, found map[[2]string]backend.Upload) error {
	var marker [2]string // key and ID
	seen := map[[2]string]bool{marker: true}
	for len(seen) <= d.maxPages {
		page, err := d.core.ListMultipartUploads(ctx, d.bucket, ask, marker[0], marker[1], "", listPage)
		if err != nil {
			return err
		}
		for _, u := range page.Uploads {
			if strings.HasPrefix(u.Key, keep) {
				found[[2]string{u.Key, u.UploadID}] = backend.Upload{Key: u.Key, ID: u.UploadID, Initiated: u.Initiated}
			}
		}
		if len(found) > d.maxUploads {
			break
		}
		if !page.IsTruncated {
			return nil
		}
		marker = [2]string{page.NextKeyMarker, page.NextUploadIDMarker}
		if seen[marker] {
			return fmt.Errorf("%w: after key %q and upload %q", errNoMarker, marker[0], marker[1])
		}
		seen[marker] = true
	}
	return fmt.Errorf("%w: %d uploads in %d answers", errEndless, len(found), len(seen)-1)
}

// ListParts returns the parts of an upload, as [backend.Multiparter] says. A list
// that does not go on, or has more than S3 allows, is an error.
func (d *Driver) ListParts(ctx context.Context, key, id string) ([]backend.Part, error) {
	list, err := d.listParts(ctx, key, id)
	if err != nil {
		return nil, fault(ctx, "list parts", key, err)
	}
	return list, nil
}

func (d *Driver) listParts(ctx context.Context, key, id string) (list []backend.Part, err error) {
	if err := checkUpload(key, id); err != nil {
		return nil, err
	}
	for marker := 0; ; {
		page, err := d.core.ListObjectParts(ctx, d.bucket, key, id, marker, listPage)
		if err != nil {
			return nil, err
		}
		for _, p := range page.ObjectParts {
			list = append(list, newPart(p))
		}
		next := page.NextPartNumberMarker
		if len(list) > d.maxParts || page.IsTruncated && next > d.maxParts {
			return nil, fmt.Errorf("%w: want at most %d parts", errEndless, d.maxParts)
		}
		if !page.IsTruncated {
			return list, nil
		}
		if next <= marker {
			return nil, fmt.Errorf("%w: after part %d", errNoMarker, next)
		}
		marker = next
	}
}

// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/bulk"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
)

// A blankDriver breaks the contract: its objects have no ETags.
type blankDriver struct{ *mem.Driver }

func (d blankDriver) Get(ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
	body, info, err := d.Driver.Get(ctx, key, opts)
	if err == nil {
		info.ETag = ""
	}
	return body, info, err
}

func (d blankDriver) Stat(ctx context.Context, key string) (*backend.Info, error) {
	info, err := d.Driver.Stat(ctx, key)
	if err == nil {
		info.ETag = ""
	}
	return info, err
}

// TestMigrateInPlaceNoETag: where no condition can be made, nothing is replaced,
// for it might be what somebody has put meanwhile.
func TestMigrateInPlaceNoETag(t *testing.T) {
	d := mem.New()
	fill(t, d, 4)
	before := snapshot(t, d)
	blank := blankDriver{d}
	src := source(t, blank, envelope.V2GCM, false)
	opts := &bulk.MigrateOptions{InPlace: blank, ForceUnversioned: true}
	s, err := bulk.Migrate(t.Context(), src, target(t, blank), src.List(t.Context(), nil), opts)
	if err != nil {
		t.Fatal(err)
	}
	wantSummary(t, s, 0, 1, 4) // the instruction file is skipped
	if after := snapshot(t, d); after != before {
		t.Errorf("objects after it:\n%s\nwant\n%s", after, before)
	}
}

// snapshot names all that a driver has, with ETags.
func snapshot(t *testing.T, d *mem.Driver) string {
	t.Helper()
	var all strings.Builder
	for info, err := range d.List(t.Context(), &backend.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(info.Key + " " + info.ETag + "\n")
	}
	return all.String()
}

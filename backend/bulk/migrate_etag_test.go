// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"context"
	"errors"
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

// TestMigrateNoETag: to another place, nothing would tell what was read from what
// was looked at.
func TestMigrateNoETag(t *testing.T) {
	d, there := mem.New(), mem.New()
	fill(t, d, 3)
	src := source(t, blankDriver{d}, envelope.V2GCM, false)
	var all []error
	opts := &bulk.MigrateOptions{}
	opts.OnResult = func(r bulk.Result) { all = append(all, r.Err) }
	s, err := bulk.Migrate(t.Context(), src, target(t, there), infos(nil, "old/0000", "old/0001", "old/0002"), opts)
	if err != nil {
		t.Fatal(err)
	}
	wantSummary(t, s, 0, 0, 3)
	for _, err := range all {
		if !errors.Is(err, backend.ErrChanged) {
			t.Errorf("%v, want ErrChanged", err)
		}
	}
	if left := snapshot(t, there); left != "" {
		t.Errorf("stored:\n%s", left)
	}
}

// A fadingDriver gives no ETag once it has replaced an object, so that nothing tells
// whether that is still the new one.
type fadingDriver struct {
	*mem.Driver
	replaced bool
}

func (d *fadingDriver) Put(ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
	info, err := d.Driver.Put(ctx, key, body, size, opts)
	if err == nil {
		info.ETag, d.replaced = "", true
	}
	return info, err
}

func (d *fadingDriver) Stat(ctx context.Context, key string) (*backend.Info, error) {
	info, err := d.Driver.Stat(ctx, key)
	if err == nil && d.replaced {
		info.ETag = ""
	}
	return info, err
}

// TestMigrateCleanUpNoETag: an instruction file stays where nobody can tell whether
// somebody has put the object that it belongs to.
func TestMigrateCleanUpNoETag(t *testing.T) {
	d := &fadingDriver{Driver: mem.New()}
	src := source(t, d, envelope.V2GCM, true)
	must(src.Put(t.Context(), "old/x", strings.NewReader("precious"), 8, nil))(t)
	d.replaced = false
	r := migrateOne(t, src, target(t, d), bulk.MigrateOptions{InPlace: d, ForceUnversioned: true})
	if r.Outcome != bulk.Done || !strings.Contains(r.Reason, "stays") {
		t.Errorf("%+v, want it done, and the instruction file kept", r)
	}
	if left := snapshot(t, d.Driver); !strings.Contains(left, "old/x.instruction") {
		t.Errorf("left are\n%s\nwant the instruction file among them", left)
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

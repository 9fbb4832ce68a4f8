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

// An odd storage says of its objects what another one may not take.
type odd struct {
	*spy
	headers, tags map[string]string
	class         string
	err           error // of Tags
}

func (d *odd) adorn(info *backend.Info) {
	if info != nil {
		info.Headers, info.StorageClass = d.headers, d.class
	}
}

func (d *odd) Stat(ctx context.Context, key string) (*backend.Info, error) {
	info, err := d.spy.Stat(ctx, key)
	d.adorn(info)
	return info, err
}

func (d *odd) Get(ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
	body, info, err := d.spy.Get(ctx, key, opts)
	d.adorn(info)
	return body, info, err
}

func (d *odd) Tags(context.Context, string) (map[string]string, error) { return d.tags, d.err }

// TestMigrateDrops: what cannot be kept is a failure that names the option without
// which it is, and with that the object is migrated, and stays so.
func TestMigrateDrops(t *testing.T) {
	for name, test := range map[string]struct {
		odd  odd
		drop bulk.MigrateOptions
	}{
		"DropHeaders":    {odd{headers: map[string]string{"content-disposition": `attachment; filename="ü"`}}, bulk.MigrateOptions{DropHeaders: true}},
		"DropTags":       {odd{tags: map[string]string{"team": "a"}}, bulk.MigrateOptions{DropTags: true}},
		"NoStorageClass": {odd{class: "COLD"}, bulk.MigrateOptions{NoStorageClass: true}},
	} {
		t.Run(name, func(t *testing.T) {
			d := &test.odd
			d.spy = newSpy()
			src, dst := source(t, d, envelope.V2GCM, false), target(t, mem.New())
			must(src.Put(t.Context(), "old/x", strings.NewReader("precious"), 8, nil))(t)
			r := migrateOne(t, src, dst, bulk.MigrateOptions{})
			keep, ok := errors.AsType[*bulk.KeepError](r.Err)
			if !ok || keep.Option != name || !strings.Contains(r.Reason, "MigrateOptions."+name) {
				t.Errorf("%v, want a KeepError with %s", r.Err, name)
			}
			for range 2 {
				if r := migrateOne(t, src, dst, test.drop); r.Outcome != bulk.Done {
					t.Errorf("%s, %v, want it done", r.Outcome, r.Err)
				}
			}
		})
	}
}

// TestMigrateUnreadTags: who may not read tags is told what to do, but not who has
// been interrupted.
func TestMigrateUnreadTags(t *testing.T) {
	d := &odd{spy: newSpy(), err: errSpy}
	src, dst := source(t, d, envelope.V2GCM, false), target(t, mem.New())
	must(src.Put(t.Context(), "old/x", strings.NewReader("precious"), 8, nil))(t)
	r := migrateOne(t, src, dst, bulk.MigrateOptions{})
	if keep, ok := errors.AsType[*bulk.KeepError](r.Err); !ok || keep.Option != "DropTags" || !errors.Is(r.Err, errSpy) {
		t.Errorf("%v, want a KeepError with DropTags", r.Err)
	}
	d.err = backend.ErrNotExist
	r = migrateOne(t, src, dst, bulk.MigrateOptions{})
	if _, ok := errors.AsType[*bulk.KeepError](r.Err); ok || r.Outcome != bulk.Failed {
		t.Errorf("%s, %v, want a failure that is not about tags", r.Outcome, r.Err)
	}
	d.err = errSpy
	if r := migrateOne(t, src, dst, bulk.MigrateOptions{DropTags: true}); r.Outcome != bulk.Done {
		t.Errorf("%s, %v, want it done", r.Outcome, r.Err)
	}
}

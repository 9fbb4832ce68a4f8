// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/tags"

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
// been interrupted, or may read them at the next attempt.
func TestMigrateUnreadTags(t *testing.T) {
	d := &odd{spy: newSpy()}
	src, dst := source(t, d, envelope.V2GCM, false), target(t, mem.New())
	must(src.Put(t.Context(), "old/x", strings.NewReader("precious"), 8, nil))(t)
	for _, test := range []struct {
		err  error
		keep bool
	}{
		{fs.ErrPermission, true},
		{fmt.Errorf("s3: tags of %q: %w", "x", minio.ErrorResponse{Code: "AccessDenied", Message: "Access Denied."}), true},
		{minio.ErrorResponse{Code: "AccessDenied"}, true},
		{minio.ErrorResponse{Code: "AccessDenied", Message: "User: arn:aws:iam::1:user/a is not authorized to perform: s3:GetObjectTagging"}, true},
		{wrongTag(), true},
		{errSpy, false},
		{backend.ErrNotExist, false},
		{io.ErrUnexpectedEOF, false},
		{fmt.Errorf("%w: %w", context.Canceled, fs.ErrPermission), false},
		{minio.ErrorResponse{Code: "SlowDown", Message: "Please reduce your request rate."}, false},
		{fmt.Errorf("s3: tags of %q: %w", ": Access Denied.", minio.ErrorResponse{Code: "InternalError", Message: "Try again."}), false},
	} {
		d.err = test.err
		r := migrateOne(t, src, dst, bulk.MigrateOptions{})
		keep, ok := errors.AsType[*bulk.KeepError](r.Err)
		if ok != test.keep || ok && keep.Option != "DropTags" || !errors.Is(r.Err, test.err) {
			t.Errorf("%v: %#v, want a KeepError: %v", test.err, r.Err, test.keep)
		}
	}
	d.err = errSpy
	if r := migrateOne(t, src, dst, bulk.MigrateOptions{DropTags: true}); r.Outcome != bulk.Done {
		t.Errorf("%s, %v, want it done", r.Outcome, r.Err)
	}
}

func wrongTag() error {
	_, err := tags.NewTags(map[string]string{"": "x"}, true)
	return err
}

// A refusing storage stores nothing.
type refusing struct {
	*mem.Driver
	err error
}

func (d *refusing) Put(context.Context, string, io.Reader, int64, *backend.PutOptions) (*backend.Info, error) {
	return nil, d.err
}

// TestMigrateTemporary: what is said of another failure is no advice to leave
// anything out, whatever the key is called.
func TestMigrateTemporary(t *testing.T) {
	d := &odd{spy: newSpy(), headers: map[string]string{"cache-control": "no-store"}, tags: map[string]string{"a": "b"}, class: "COLD"}
	src := source(t, d, envelope.V2GCM, false)
	must(src.Put(t.Context(), "old/x", strings.NewReader("precious"), 8, nil))(t)
	for _, test := range []struct {
		err    error
		option string
	}{
		{minio.ErrorResponse{Code: "InvalidStorageClass", Message: "The storage class you specified is not valid"}, "NoStorageClass"},
		{fmt.Errorf("s3: put: tags: %w", wrongTag()), ""},
		{fmt.Errorf("s3: put: %w", fmt.Errorf("tags: %w", wrongTag())), "DropTags"},
		{errSpy, ""},
		{fmt.Errorf("%w: %w", context.Canceled, errors.New("tags: x")), ""},
		{minio.ErrorResponse{Code: "SlowDown", Message: "Please reduce your request rate."}, ""},
	} {
		for _, key := range []string{"old/x", "x: tags: y", "x: headers: y: header z", "a storage class"} {
			dst := target(t, &refusing{mem.New(), test.err})
			r := migrateOne(t, src, dst, bulk.MigrateOptions{Map: func(string) string { return key }})
			keep, ok := errors.AsType[*bulk.KeepError](r.Err)
			if ok != (test.option != "") || ok && keep.Option != test.option {
				t.Errorf("%q, %v: %#v, want %q", key, test.err, r.Err, test.option)
			}
		}
	}
}

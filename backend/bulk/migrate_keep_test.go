// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/bulk"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/backend/s3"
	"github.com/s3seal/s3seal/backend/s3/s3test"
	"github.com/s3seal/s3seal/envelope"
)

// kept is what an object has beside its body and metadata.
var kept = backend.PutOptions{
	ContentType: "text/x-old",
	Headers:     map[string]string{"cache-control": "no-store", "content-disposition": `attachment; filename="a.txt"`, "expires": "Mon, 03 Feb 2031 04:05:06 GMT"},
	Tags:        map[string]string{"team": "a b+c", "a:b": "1/2=3"},
}

// A tagged storage keeps tags, too.
type tagged struct {
	*spy
	tags map[string]map[string]string
	err  error
}

func (d *tagged) Put(ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
	bare := *opts
	bare.Tags = nil
	info, err := d.spy.Put(ctx, key, body, size, &bare)
	if err == nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.tags[key] = maps.Clone(opts.Tags)
	}
	return info, err
}

func (d *tagged) Tags(_ context.Context, key string) (map[string]string, error) {
	counted := d.count()
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.tags[key]), errors.Join(d.err, counted)
}

// keeping returns storage with two old objects, of which the first has all that
// is to be kept.
func keeping(t *testing.T, d backend.Driver) *backend.Bucket {
	t.Helper()
	src := source(t, d, envelope.V2CBC, false)
	opts := kept
	opts.Metadata = map[string]string{"number": "1"}
	must(src.Put(t.Context(), "old/0001", strings.NewReader(string(content(1))), -1, &opts))(t)
	must(src.Put(t.Context(), "old/0002", strings.NewReader(string(content(2))), -1, &backend.PutOptions{
		ContentType: "text/x-old", Metadata: map[string]string{"number": "2"},
	}))(t)
	return src
}

// wantKept fails the test unless the new objects have what the old ones had.
func wantKept(t *testing.T, b *backend.Bucket, name func(string) string, tags map[string]string) {
	t.Helper()
	for i, want := range []backend.PutOptions{kept, {}} {
		key := name(fmt.Sprintf("old/%04d", i+1))
		wantObject(t, b, key, i+1)
		info := must(b.Stat(t.Context(), key))(t)
		if !maps.Equal(info.Headers, want.Headers) {
			t.Errorf("%s: headers %v, want %v", key, info.Headers, want.Headers)
		}
		if info.Header.Suite != envelope.V3 {
			t.Errorf("%s is in format %v", key, info.Header.Suite)
		}
		got, err := b.Tags(t.Context(), key)
		if len(want.Tags) > 0 {
			want.Tags = tags
		}
		if !errors.Is(err, errors.ErrUnsupported) && (err != nil || !maps.Equal(got, want.Tags)) {
			t.Errorf("%s: tags %v, %v, want %v", key, got, err, want.Tags)
		}
	}
}

// TestMigrateKeeps copies headers and tags, or fails.
func TestMigrateKeeps(t *testing.T) {
	d := &tagged{spy: newSpy(), tags: map[string]map[string]string{}}
	src := keeping(t, d)
	d.requests = 0
	opts := &bulk.MigrateOptions{Map: toNew}
	run := func(dst *backend.Bucket) *bulk.Summary {
		t.Helper()
		return must(bulk.Migrate(t.Context(), src, dst, infos(nil, "old/0001", "old/0002"), opts))(t)
	}
	opts.DryRun = true
	dry := run(target(t, d))
	opts.DryRun, d.requests = false, 0
	s := run(target(t, d))
	wantSummary(t, s, 2, 0, 0)
	wantKept(t, target(t, d), toNew, kept.Tags)
	if s.Requests != dry.Requests {
		t.Errorf("%d requests, and %d in a dry run", s.Requests, dry.Requests)
	}

	refusing := mem.New() // has no tags
	var failed error
	opts.OnResult = func(r bulk.Result) { failed = errors.Join(failed, r.Err) }
	wantSummary(t, run(target(t, refusing)), 1, 0, 1)
	if !errors.Is(failed, errors.ErrUnsupported) {
		t.Errorf("failed by %v, want ErrUnsupported", failed)
	}
	d.err = errSpy // who may not read tags
	failed = nil
	wantSummary(t, run(target(t, mem.New())), 0, 0, 2)
	if !errors.Is(failed, errSpy) {
		t.Errorf("failed by %v, want the error of the storage", failed)
	}
	opts.InPlace, opts.Map, opts.ForceUnversioned = d, nil, true
	wantSummary(t, run(target(t, d)), 0, 0, 2)
	opts.InPlace, opts.Map = nil, toNew
	opts.DropTags = true
	wantSummary(t, run(target(t, refusing)), 2, 0, 0)
	wantKept(t, target(t, refusing), toNew, nil)
}

// TestServerKeeps does so on real servers, to another place and in place.
func TestServerKeeps(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		d := must(s3.New(srv.Client(t), srv.NewBucket(t), nil))(t)
		src := keeping(t, d)
		wantJob(t, "copy", 2, 0)(bulk.Migrate(t.Context(), src, target(t, d), list(t, src), &bulk.MigrateOptions{Map: toNew}))
		wantKept(t, target(t, d), toNew, kept.Tags)
		wantJob(t, "to memory", 1, 0)(refused(bulk.Migrate(t.Context(), src, target(t, mem.New()), list(t, src), nil)))
		inPlace := &bulk.MigrateOptions{InPlace: d, ForceUnversioned: true}
		wantJob(t, "in place", 2, 0)(bulk.Migrate(t.Context(), src, target(t, d), list(t, src), inPlace))
		wantKept(t, target(t, d), same, kept.Tags)
	})
}

// refused takes one failure for what was wanted.
func refused(s *bulk.Summary, err error) (*bulk.Summary, error) {
	s.Failed--
	return s, err
}

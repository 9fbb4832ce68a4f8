// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
)

var pageHeaders = map[string]string{"cache-control": "no-store", "content-language": "de"}

// TestHeaders: headers reach the storage by all ways of storing, and come back.
func TestHeaders(t *testing.T) {
	d := mem.New()
	b := conditionBucket(t, d, nil)
	opts := &backend.PutOptions{Headers: maps.Clone(pageHeaders)}
	must(b.Put(t.Context(), "put", strings.NewReader("text"), -1, opts))(t)
	w := must(b.Create(t.Context(), "create", opts))(t)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	state := t.TempDir() + "/state"
	must(b.PutResumable(t.Context(), "resumable", strings.NewReader("text"), 4, state, opts))(t)
	if !maps.Equal(opts.Headers, pageHeaders) {
		t.Errorf("the options have headers %v now", opts.Headers)
	}
	for _, key := range []string{"put", "create", "resumable"} {
		if got := must(b.Stat(t.Context(), key))(t).Headers; !maps.Equal(got, pageHeaders) {
			t.Errorf("%s: headers %v, want %v", key, got, pageHeaders)
		}
	}
}

// TestHeadersRefused: what no storage can keep is refused before one is used, and
// by drivers for themselves.
func TestHeadersRefused(t *testing.T) {
	b := conditionBucket(t, nil, nil)
	opts := &backend.PutOptions{Headers: map[string]string{"x-amz-acl": "public-read"}}
	_, err := b.Put(t.Context(), "k", strings.NewReader("text"), -1, opts)
	wantErr(t, "Put", err, backend.ErrMetadata)
	wantErr(t, "Check", opts.Check(), backend.ErrMetadata)
	wantErr(t, "CheckWithHeaders", opts.CheckWithHeaders(), backend.ErrMetadata)
	opts.Headers = pageHeaders
	wantErr(t, "CheckPlain", opts.CheckPlain(), errors.ErrUnsupported)
	if err := opts.CheckWithHeaders(); err != nil {
		t.Errorf("CheckWithHeaders = %v", err)
	}
	opts.Tags = map[string]string{"a": "b"}
	wantErr(t, "CheckWithHeaders of tags", opts.CheckWithHeaders(), errors.ErrUnsupported)
}

func TestHeaderNames(t *testing.T) {
	names := backend.HeaderNames()
	if !slices.IsSorted(names) || len(names) != 5 {
		t.Errorf("HeaderNames = %q", names)
	}
	names[0] = "changed"
	if backend.HeaderNames()[0] == "changed" {
		t.Error("HeaderNames returns its own")
	}
}

// A taggedDriver has the same tags for all objects.
type taggedDriver struct {
	*mem.Driver
	err error
}

func (d *taggedDriver) Tags(context.Context, string) (map[string]string, error) {
	return map[string]string{"team": "a"}, d.err
}

func TestTags(t *testing.T) {
	d := &taggedDriver{Driver: mem.New()}
	b := conditionBucket(t, d, nil)
	if got := must(b.Tags(t.Context(), "k"))(t); got["team"] != "a" {
		t.Errorf("Tags = %v", got)
	}
	_, err := b.Tags(t.Context(), "")
	wantErr(t, "no key", err, backend.ErrKey)
	d.err = backend.ErrNotExist
	_, err = b.Tags(t.Context(), "k")
	wantErr(t, "no object", err, backend.ErrNotExist)
	_, err = conditionBucket(t, d.Driver, nil).Tags(t.Context(), "")
	wantErr(t, "no Tagger", err, errors.ErrUnsupported)
}

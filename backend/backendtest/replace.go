// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/s3seal/s3seal/backend"
)

// replacer returns the driver as one that replaces metadata. Without one the test
// is skipped.
func (e *env) replacer() backend.MetadataReplacer {
	e.Helper()
	r, ok := e.d.(backend.MetadataReplacer)
	if ok {
		info := e.put("probe", version{[]byte("probe"), nil})
		_, err := r.ReplaceMetadata(e.ctx, "probe", map[string]string{"name": "value"}, info.ETag)
		if ok = !errors.Is(err, errors.ErrUnsupported); ok && err != nil {
			e.Fatalf("ReplaceMetadata = %v", err)
		}
		if err := e.d.Delete(e.ctx, "probe"); err != nil {
			e.Fatalf("Delete = %v", err)
		}
	}
	if !ok && e.h.ReplaceMetadata {
		e.Fatal("the driver replaces no metadata")
	}
	if !ok {
		e.Skip("the driver replaces no metadata")
	}
	return r
}

// replaceMeta replaces metadata and holds what that says against Stat.
func (e *env) replaceMeta(key string, meta map[string]string, etag string) *backend.Info {
	e.Helper()
	given := maps.Clone(meta)
	info, err := e.d.(backend.MetadataReplacer).ReplaceMetadata(e.ctx, key, given, etag)
	if err != nil || info == nil {
		e.Fatalf("ReplaceMetadata(%q) = %v, %v", key, info, err)
	}
	if !maps.Equal(given, meta) {
		e.Errorf("ReplaceMetadata(%q) modified the metadata: %v", key, given)
	}
	for name := range given { // which must not have been retained
		given[name] = "changed by the caller"
	}
	stat, err := e.d.Stat(e.ctx, key)
	if err != nil {
		e.Fatalf("Stat(%q) after ReplaceMetadata = %v", key, err)
	}
	if info.Key != stat.Key || info.Size != stat.Size || info.ETag != stat.ETag || info.ContentType != stat.ContentType {
		e.Errorf("ReplaceMetadata(%q) = %+v, Stat: %+v", key, *info, *stat)
	}
	for who, got := range map[string]*backend.Info{"ReplaceMetadata": info, "Stat": stat} {
		if !maps.Equal(got.Metadata, meta) {
			e.Errorf("%s(%q): metadata\n got %v\nwant %v", who, key, got.Metadata, meta)
		}
	}
	return info
}

// replaceMetadata replaces metadata again and again: nothing else changes.
func replaceMetadata(e *env) {
	e.replacer()
	v := version{pattern(77, 70_001), map[string]string{"first": "1", "both": "old"}}
	info := e.put("object", v)
	for i, meta := range []map[string]string{
		{"second": "2", "both": "new"},
		{"first": "again"},
		{"x-amz-key-v2": strings.Repeat("k", 700), "x-amz-matdesc": `{"a":"b c"}`, "plus": "a+b=c&d%20"},
		{"x-amz-key-v2": strings.Repeat("l", 700)},
		nil,
		{"last": "one"},
	} {
		if i%2 == 1 { // a put may come in between
			info = e.put("object", v)
		}
		info = e.replaceMeta("object", meta, info.ETag)
		if info.ContentType != "text/x-test" {
			e.Errorf("ReplaceMetadata: content type %q, want text/x-test", info.ContentType)
		}
		e.want("object", version{v.data, meta})
	}
	e.wantClean()
}

// replaceMetadataSizes replaces that of an empty object and of a large one.
func replaceMetadataSizes(e *env) {
	e.replacer()
	for _, n := range []int{0, 1, 1 << 16, 9 << 20} {
		if n >= 1<<20 && (e.h.MaxSize > 0 && int64(n) > e.h.MaxSize || testing.Short()) {
			continue
		}
		key := fmt.Sprintf("size/%d", n)
		v := version{pattern(uint64(n), n), map[string]string{"old": "1"}}
		info := e.put(key, v)
		v.meta = map[string]string{"new": "2"}
		e.replaceMeta(key, v.meta, info.ETag)
		e.want(key, v)
	}
}

// replaceMetadataKeys does so under each ordinary key: some storages name the
// object once more in another encoding.
func replaceMetadataKeys(e *env) {
	e.replacer()
	for i, key := range plainKeys {
		v := version{pattern(uint64(i), 40+i), map[string]string{"i": strconv.Itoa(i)}}
		info := e.put(key, v)
		v.meta = map[string]string{"j": strconv.Itoa(i)}
		e.replaceMeta(key, v.meta, info.ETag)
		e.want(key, v)
	}
}

// replaceMetadataChanged means an object that is not there any more.
func replaceMetadataChanged(e *env) {
	r := e.replacer()
	old := e.put("object", numbered(1))
	e.put("object", numbered(2))
	e.put("other", numbered(3))
	for key, etag := range map[string]string{"object": old.ETag, "none": old.ETag, "other": old.ETag} {
		info, err := r.ReplaceMetadata(e.ctx, key, map[string]string{"lost": "1"}, etag)
		if info != nil {
			e.Errorf("ReplaceMetadata(%q) of another object returned an Info", key)
		}
		e.wantErr("ReplaceMetadata of another object", err, backend.ErrChanged)
		if errors.Is(err, backend.ErrNotExist) {
			e.Errorf("ReplaceMetadata(%q) = %v, want ErrChanged and no ErrNotExist", key, err)
		}
	}
	e.want("object", numbered(2))
	e.want("other", numbered(3))
	e.wantNone("none")
	e.wantClean()
}

// replaceMetadataRefused asks with a context that is done, and for no key.
func replaceMetadataRefused(e *env) {
	r := e.replacer()
	info := e.put("object", numbered(1))
	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	_, err := r.ReplaceMetadata(ctx, "object", map[string]string{"lost": "1"}, info.ETag)
	e.wantErr("ReplaceMetadata with a cancelled context", err, context.Canceled)
	e.want("object", numbered(1))
	for _, key := range []string{"", "\xff"} {
		_, err := r.ReplaceMetadata(e.ctx, key, nil, info.ETag)
		if !errors.Is(err, backend.ErrKey) && !errors.Is(err, backend.ErrChanged) {
			e.Errorf("ReplaceMetadata(%q) = %v, want ErrKey or ErrChanged", key, err)
		}
	}
	e.wantClean()
}

// replaceMetadataMeet: of several replacements that meet, one is there in the
// end as a whole, and it is one that was reported as done.
func replaceMetadataMeet(e *env) {
	e.replacer()
	v := numbered(5)
	for range meetings {
		info := e.put("meet", v)
		won := e.meet(backend.ErrChanged, func(i int) error {
			_, err := e.d.(backend.MetadataReplacer).ReplaceMetadata(e.ctx, "meet", replaced(v, i), info.ETag)
			return err
		})
		got, _, err := e.get("meet", backend.GetOptions{})
		if err != nil {
			e.Fatalf("Get = %v", err)
		}
		e.wantWhole(got)
		ok := false
		for _, i := range won {
			ok = ok || maps.Equal(got.meta, replaced(v, i))
		}
		if !ok {
			e.Errorf("metadata %v is of none of the replacements %v", got.meta, won)
		}
	}
	e.wantClean()
}

// replaced is metadata for v that still says which version it is of.
func replaced(v version, i int) map[string]string {
	meta := maps.Clone(v.meta)
	meta["replaced"] = strconv.Itoa(i)
	return meta
}

// replaceMetadataMeetsPuts lets replacements and puts meet, under the eyes of
// readers: there is never a body under the metadata of another one, and the last
// put is not undone.
func replaceMetadataMeetsPuts(e *env) {
	e.replacer()
	e.put("meet", numbered(0))
	const puts = 10
	for last := puts; last <= 4*puts && !e.Failed(); last += puts {
		e.replacementsMeet(last-puts+1, last)
	}
	e.wantClean()
}

// replacementsMeet puts the versions first to last while others replace metadata.
func (e *env) replacementsMeet(first, last int) {
	ctx, cancel := context.WithCancel(e.ctx)
	var wg, begun sync.WaitGroup
	for w := range 3 {
		begun.Add(1)
		wg.Go(func() { e.replaceUntil(ctx, w, sync.OnceFunc(begun.Done)) })
	}
	wg.Go(func() {
		for ctx.Err() == nil && !e.Failed() {
			e.wantWholeNow()
		}
	})
	begun.Wait() // else a busy machine may do all puts before, and nothing meets
	for i := first; i <= last && !e.Failed(); i++ {
		if _, err := e.putWith("meet", i, backend.PutOptions{}); err != nil {
			e.Errorf("put %d = %v", i, err)
		}
	}
	cancel()
	wg.Wait()
	if got := e.wantWholeNow(); got != last && !e.h.ReplaceMayUndo {
		e.Errorf("version %d in the end, want that of the last put, %d", got, last)
	}
}

// replaceUntil replaces the metadata of whatever is there until ctx is done. It
// calls begun when it has done so once, or cannot.
func (e *env) replaceUntil(ctx context.Context, w int, begun func()) {
	defer begun()
	for i := 0; ctx.Err() == nil && !e.Failed(); i++ {
		// Without the context, which would leave it open what was done.
		info, err := e.d.Stat(e.ctx, "meet")
		if err != nil {
			e.Errorf("Stat = %v", err)
			return
		}
		meta := replaced(version{meta: info.Metadata}, 1000*w+i)
		_, err = e.d.(backend.MetadataReplacer).ReplaceMetadata(e.ctx, "meet", meta, info.ETag)
		if err != nil && !errors.Is(err, backend.ErrChanged) {
			e.Errorf("ReplaceMetadata = %v, want nil or ErrChanged", err)
		}
		begun()
	}
}

// wantWholeNow reads the object and returns which version it is.
func (e *env) wantWholeNow() int {
	e.Helper()
	got, _, err := e.get("meet", backend.GetOptions{})
	if err != nil {
		e.Errorf("Get = %v", err)
		return -1
	}
	return e.wantWhole(got)
}

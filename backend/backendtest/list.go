// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/s3seal/s3seal/backend"
)

// lister returns the driver as one that lists. Without one the test is skipped.
func (e *env) lister() backend.Lister {
	e.Helper()
	l, ok := e.d.(backend.Lister)
	if ok {
		for _, err := range l.List(e.ctx, &backend.ListOptions{}) {
			if ok = !errors.Is(err, errors.ErrUnsupported); ok && err != nil {
				e.Fatalf("List = %v", err)
			}
			break
		}
	}
	if !ok && e.h.List {
		e.Fatal("the driver does not list")
	}
	if !ok {
		e.Skip("the driver does not list")
	}
	return l
}

// list returns what a listing yields. It fails the test if something comes after
// an error.
func (e *env) list(ctx context.Context, opts backend.ListOptions) (infos []*backend.Info, err error) {
	e.Helper()
	given := opts
	for info, ierr := range e.lister().List(ctx, &opts) {
		switch {
		case err != nil:
			e.Fatalf("List(%+v) yielded %v, %v after the error %v", opts, info, ierr, err)
		case (info == nil) == (ierr == nil):
			e.Fatalf("List(%+v) yielded %v with the error %v", opts, info, ierr)
		case ierr != nil:
			err = ierr
		default:
			infos = append(infos, info)
		}
	}
	if opts != given {
		e.Errorf("List modified its options: %+v", opts)
	}
	return infos, err
}

// wantList fails the test unless a listing yields these keys in this order.
func (e *env) wantList(opts backend.ListOptions, want []string) {
	e.Helper()
	infos, err := e.list(e.ctx, opts)
	if err != nil {
		e.Fatalf("List(%+v) = %v", opts, err)
	}
	got := keysOf(infos)
	if slices.Equal(got, want) {
		return
	}
	same := 0
	for same < min(len(got), len(want)) && got[same] == want[same] {
		same++
	}
	const most = 20 // of some thousands
	e.Errorf("List(%+v): %d keys, want %d; after the first %d\n got %q\nwant %q", opts, len(got), len(want), same,
		got[same:min(len(got), same+most)], want[same:min(len(want), same+most)])
}

func keysOf(infos []*backend.Info) []string {
	var list []string
	for _, info := range infos {
		list = append(list, info.Key)
	}
	return list
}

// putAll stores small objects, several at a time, and returns their keys in the
// order of bytes.
func (e *env) putAll(keys []string) []string {
	e.Helper()
	const putters = 8
	var wg sync.WaitGroup
	for w := range putters {
		wg.Go(func() {
			for i := w; i < len(keys) && !e.Failed(); i += putters {
				body := strings.Repeat("x", len(keys[i])%7)
				opts := &backend.PutOptions{Metadata: map[string]string{"name": "value"}, ContentType: "text/x-test"}
				if _, err := e.d.Put(e.ctx, keys[i], bytes.NewReader([]byte(body)), int64(len(body)), opts); err != nil {
					e.Errorf("Put(%q) = %v", keys[i], err)
				}
			}
		})
	}
	wg.Wait()
	if e.Failed() {
		e.FailNow()
	}
	return slices.Sorted(slices.Values(keys))
}

// orderKeys are keys whose order depends on what is compared: bytes, UTF-16, the
// components of paths, letters whatever their case.
var orderKeys = []string{
	"a-b", "a/b-c", "a/b/k", "a/b/k-d", "a/b0", "a.b", "a0", "a/B", "A", "b", "a b", "a/b!", "a!/b", "a/\x7eb",
	"\u00e9", "e\u0301", "\uff5e", "\U0001f511", "z/\uff5e/1", "z/\U0001f511", "z/\uff5e0",
	"n/10", "n/9", "n/09", "dots/...x", "dots/.x", "dots-x",
}

// listKeys are what the tests of listings store.
func listKeys() []string {
	return slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(orderKeys), plainKeys...))))
}

// listOrder lists all that is stored, and nothing else, in the order of bytes.
func listOrder(e *env) {
	e.lister()
	e.wantList(backend.ListOptions{}, nil)
	sorted := e.putAll(listKeys())
	e.wantList(backend.ListOptions{}, sorted)
	gone := sorted[len(sorted)/2]
	if err := e.d.Delete(e.ctx, gone); err != nil {
		e.Fatalf("Delete(%q) = %v", gone, err)
	}
	e.wantList(backend.ListOptions{}, slices.DeleteFunc(sorted, func(key string) bool { return key == gone }))
}

// listInfo holds what is listed against what Stat says.
func listInfo(e *env) {
	e.lister()
	e.putAll(listKeys())
	e.put("replaced", numbered(1))
	e.put("replaced", numbered(2))
	infos, err := e.list(e.ctx, backend.ListOptions{})
	if err != nil || len(infos) == 0 {
		e.Fatalf("List = %d objects, %v", len(infos), err)
	}
	for _, got := range infos {
		want, err := e.d.Stat(e.ctx, got.Key)
		if err != nil {
			e.Fatalf("Stat(%q) = %v", got.Key, err)
		}
		if got.Size != want.Size || got.ETag != want.ETag || got.ETag == "" {
			e.Errorf("List says of %q: size %d, ETag %q; Stat: %d, %q", got.Key, got.Size, got.ETag, want.Size, want.ETag)
		}
		if got.ContentType != "" || got.Metadata != nil || got.Noncurrent {
			e.Errorf("List says of %q: type %q, metadata %v, noncurrent %v; want none", got.Key, got.ContentType, got.Metadata, got.Noncurrent)
		}
	}
}

// selected returns those of keys that opts select.
func selected(keys []string, opts backend.ListOptions) []string {
	var list []string
	for _, key := range keys {
		if strings.HasPrefix(key, opts.Prefix) && key > opts.After {
			list = append(list, key)
		}
	}
	return list
}

// listPrefix lists by prefixes that end at, before and after a slash.
func listPrefix(e *env) {
	e.lister()
	keys := e.putAll(listKeys())
	for _, prefix := range []string{
		"a", "a/", "a/b", "a/b/", "a/b/c", "a-", "A", "z/\uff5e", "n/", "none", "none/", "a/none/x",
		"percent%", "percent%2F", "100%", "with ", "a+b=", "\u00fcn", "dots/.", "two  ", ".s3seal", ".s3seal/", strings.Repeat("p", 600),
	} {
		opts := backend.ListOptions{Prefix: prefix}
		e.wantList(opts, selected(keys, opts))
	}
	for _, key := range keys {
		opts := backend.ListOptions{Prefix: key}
		e.wantList(opts, selected(keys, opts))
	}
	// Storages that take a key for a path may refuse these, but nothing else.
	for _, prefix := range []string{"/", "//", "a//", "/a", ".", "..", "./a", "../", "../a", "a/..", "a/./", "a/../a"} {
		infos, err := e.list(e.ctx, backend.ListOptions{Prefix: prefix})
		if err != nil && !errors.Is(err, backend.ErrKey) || len(infos) > 0 {
			e.Errorf("List of prefix %q = %q, %v, want nothing", prefix, keysOf(infos), err)
		}
	}
}

// listAfter begins after each of the keys, and after what is no key.
func listAfter(e *env) {
	e.lister()
	keys := e.putAll(listKeys())
	for _, after := range append([]string{"a/", "a/b/", "a/b/!", "a/b/kk", "0", "a/a", "a/z", "\U0010ffff", "z/", "none/none", "/", ".s3seal"}, keys...) {
		opts := backend.ListOptions{After: after}
		e.wantList(opts, selected(keys, opts))
	}
	for _, opts := range []backend.ListOptions{
		{Prefix: "a/", After: "a"},
		{Prefix: "a/", After: "a/b"},
		{Prefix: "a/", After: "a/b/k"},
		{Prefix: "a/b", After: "a/b/k"},
		{Prefix: "a/", After: "b"},
		{Prefix: "n/9", After: "n/10"},
		{Prefix: "b", After: "a"},
		{Prefix: "a", After: "a.b"},
	} {
		e.wantList(opts, selected(keys, opts))
	}
}

// listBreak takes some of a listing and leaves it, and then all of the same.
func listBreak(e *env) {
	l := e.lister()
	keys := e.putAll(listKeys())
	seq := l.List(e.ctx, &backend.ListOptions{})
	for _, n := range []int{1, 2, len(keys) / 2, len(keys)} {
		var got []string
		for info, err := range seq {
			if err != nil {
				e.Fatalf("List = %v", err)
			}
			if got = append(got, info.Key); len(got) == n {
				break
			}
		}
		if !slices.Equal(got, keys[:n]) {
			e.Errorf("first %d of a listing:\n got %q\nwant %q", n, got, keys[:n])
		}
	}
}

// listCancelled ends the context before a listing and in the middle of it: that
// must not pass for the end of the objects.
func listCancelled(e *env) {
	e.lister()
	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	for _, prefix := range []string{"", "none"} {
		infos, err := e.list(ctx, backend.ListOptions{Prefix: prefix})
		e.wantErr("List with a cancelled context", err, context.Canceled)
		if len(infos) > 0 {
			e.Errorf("List with a cancelled context yielded %q", keysOf(infos))
		}
	}
	keys := e.putAll(listKeys())
	for _, at := range []int{1, len(keys) / 2, len(keys)} {
		e.cancelAt(at)
	}
}

// cancelAt cancels a listing when it has yielded some objects.
func (e *env) cancelAt(at int) {
	e.Helper()
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	n := 0
	var last error
	for info, err := range e.lister().List(ctx, &backend.ListOptions{}) {
		if last != nil {
			e.Fatalf("List yielded %v, %v after %v", info, err, last)
		}
		if last = err; err != nil {
			continue
		}
		if n++; n == at {
			cancel()
		}
	}
	if n != at {
		e.Errorf("List cancelled at object %d yielded %d", at, n)
	}
	e.wantErr(fmt.Sprintf("List cancelled at object %d", at), last, context.Canceled)
}

// listVersions lists the versions of objects that nobody has replaced: the objects.
// What there is of others depends on the storage.
func listVersions(e *env) {
	e.lister()
	sorted := e.putAll(listKeys())
	for _, prefix := range []string{"", "a/"} {
		opts := backend.ListOptions{Versions: true, Prefix: prefix}
		infos, err := e.list(e.ctx, opts)
		if errors.Is(err, errors.ErrUnsupported) && len(infos) == 0 {
			e.Skip("the driver lists no versions")
		}
		if got, want := keysOf(infos), selected(sorted, opts); err != nil || !slices.Equal(got, want) {
			e.Errorf("List(%+v):\n got %q, %v\nwant %q", opts, got, err, want)
		}
		for _, info := range infos {
			if info.Noncurrent {
				e.Errorf("List(%+v) says that %q is not the object any more", opts, info.Key)
			}
		}
	}
}

// listUnsupported asks for what no listing has.
func listUnsupported(e *env) {
	e.lister()
	e.put("object", numbered(1))
	infos, err := e.list(e.ctx, backend.ListOptions{Versions: true, After: "a"})
	e.wantErr("List of versions after a key", err, errors.ErrUnsupported)
	if len(infos) > 0 {
		e.Errorf("List of versions after a key yielded %q", keysOf(infos))
	}
}

// manyKeys returns more keys than one answer of S3 holds, in folders and not.
func manyKeys() []string {
	n := 1100
	if os.Getenv("S3SEAL_LONG") != "" {
		n = 3300
	}
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("many/%d%s%04d", i%3, []string{"/", "-", "0"}[i%5%3], i)
	}
	return keys
}

// listPages lists more than one answer holds, from several places on.
func listPages(e *env) {
	e.lister()
	keys := e.putAll(append(manyKeys(), "before", "zafter"))
	e.wantList(backend.ListOptions{}, keys)
	for _, opts := range []backend.ListOptions{
		{Prefix: "many/"},
		{Prefix: "many/1"},
		{Prefix: "many/1/"},
		{After: keys[len(keys)/2]},
		{After: keys[999]},
		{After: keys[1000]},
		{Prefix: "many/", After: keys[50]},
	} {
		e.wantList(opts, selected(keys, opts))
	}
}

// listMeetsPuts lists while objects come and go: the others must be there.
func listMeetsPuts(e *env) {
	e.lister()
	var lasting, passing []string
	for i := range 60 {
		lasting = append(lasting, fmt.Sprintf("meet/%02d/lasting", i), fmt.Sprintf("meet/%02d-lasting", i))
		passing = append(passing, fmt.Sprintf("meet/%02d/a/passing", i))
	}
	lasting = e.putAll(lasting)
	ctx, cancel := context.WithCancel(e.ctx)
	var wg sync.WaitGroup
	defer wg.Wait() // also where the test ends at once
	defer cancel()
	var passed atomic.Int64
	for w := range 2 {
		wg.Go(func() { e.comeAndGo(ctx, passing[w*30:w*30+30], &passed) })
	}
	for n := 0; (n < 10 || passed.Load() < 100) && !e.Failed(); {
		met := passed.Load() > 0 // from then on some are there
		if e.wantAmong(lasting); met {
			n++
		}
	}
}

// comeAndGo stores and deletes objects until ctx is done, and counts them. Some
// of them are there at any time.
func (e *env) comeAndGo(ctx context.Context, keys []string, passed *atomic.Int64) {
	const there = 10
	for i := 0; ctx.Err() == nil; i++ {
		// Without the context, which would leave it open what was done.
		_, err := e.d.Put(e.ctx, keys[i%len(keys)], bytes.NewReader(nil), 0, &backend.PutOptions{})
		if err == nil && i >= there {
			err = e.d.Delete(e.ctx, keys[(i-there)%len(keys)])
		}
		if err != nil {
			e.Errorf("Put and Delete of %q = %v", keys, err)
			return
		}
		passed.Add(1)
	}
}

// wantAmong fails the test unless a listing is in order and has all of want.
func (e *env) wantAmong(want []string) {
	e.Helper()
	infos, err := e.list(e.ctx, backend.ListOptions{})
	if err != nil {
		e.Fatalf("List = %v", err)
	}
	got := keysOf(infos)
	for i := 1; i < len(got); i++ {
		if got[i] <= got[i-1] {
			e.Fatalf("List yields %q after %q", got[i], got[i-1])
		}
	}
	for _, key := range want {
		if _, ok := slices.BinarySearch(got, key); !ok {
			e.Fatalf("List does not yield %q, which was there all the time", key)
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/s3seal/s3seal/backend"
)

// someHeaders are all that an object can have, with values that storages are
// tempted to change.
var someHeaders = map[string]string{
	"cache-control":       "max-age=60, private",
	"content-disposition": `attachment; filename="a b;c.txt"; filename*=UTF-8''%C3%BC`,
	"content-encoding":    "gzip, br",
	"content-language":    "de, en-GB",
	"expires":             "Mon, 03 Feb 2031 04:05:06 GMT",
}

// tryHeaders puts an object with headers and holds what that says against Stat
// and Get.
func (e *env) tryHeaders(key string, headers map[string]string) error {
	e.Helper()
	given := maps.Clone(headers)
	b := newBody(pattern(21, 5000))
	put, err := e.d.Put(e.ctx, key, b, 5000, &backend.PutOptions{Headers: given})
	if !maps.Equal(given, headers) {
		e.Errorf("Put(%q) modified the headers: %v", key, given)
	}
	if err != nil {
		if n := b.reads.Load(); n != 0 {
			e.Errorf("Put with headers %v: body was read %d times before it was refused", headers, n)
		}
		return err
	}
	for name := range given { // which must not have been retained
		given[name] = "changed by the caller"
	}
	e.wantHeaders(key, "Put", put, headers)
	return nil
}

// wantHeaders fails the test unless info, and all who are asked, have these.
func (e *env) wantHeaders(key, who string, info *backend.Info, want map[string]string) {
	e.Helper()
	_, got, err := e.get(key, backend.GetOptions{})
	if err != nil {
		e.Fatalf("Get(%q) = %v", key, err)
	}
	stat, err := e.d.Stat(e.ctx, key)
	if err != nil {
		e.Fatalf("Stat(%q) = %v", key, err)
	}
	for name, info := range map[string]*backend.Info{who: info, "Get": got, "Stat": stat} {
		if !maps.Equal(info.Headers, want) {
			e.Errorf("%s(%q): headers\n got %v\nwant %v", name, key, info.Headers, want)
		}
	}
}

// needHeaders skips the test if the driver keeps no headers.
func (e *env) needHeaders() {
	e.Helper()
	err := e.tryHeaders("probe", map[string]string{"cache-control": "no-store"})
	switch {
	case err == nil:
	case errors.Is(err, errors.ErrUnsupported) && !e.h.Headers:
		e.wantNone("probe")
		e.Skip("the driver keeps no headers")
	default:
		e.Fatalf("Put with headers = %v", err)
	}
}

// headers stores each header, all of them and none, and then gives the object
// other metadata, if the driver can: they stay.
func headers(e *env) {
	e.needHeaders()
	sets := []map[string]string{someHeaders, nil}
	for name, value := range someHeaders {
		sets = append(sets, map[string]string{name: value})
	}
	replacer, _ := e.d.(backend.MetadataReplacer)
	for _, want := range sets {
		if err := e.tryHeaders("object", want); err != nil {
			e.Errorf("Put with headers %v = %v", want, err)
			continue
		}
		if replacer == nil {
			continue
		}
		stat, err := e.d.Stat(e.ctx, "object")
		if err != nil {
			e.Fatalf("Stat = %v", err)
		}
		info, err := replacer.ReplaceMetadata(e.ctx, "object", map[string]string{"new": "1"}, stat.ETag)
		if errors.Is(err, errors.ErrUnsupported) {
			replacer = nil
			continue
		}
		if err != nil {
			e.Fatalf("ReplaceMetadata = %v", err)
		}
		e.wantHeaders("object", "ReplaceMetadata", info, want)
	}
}

// headersOfParts stores headers with an object in parts.
func headersOfParts(e *env) {
	e.needHeaders()
	u := e.start("parts", backend.PutOptions{Headers: maps.Clone(someHeaders)})
	p, data := u.send(1, 1000)
	info, err := u.complete(p)
	if err != nil {
		e.Fatalf("CompleteUpload = %v", err)
	}
	e.want("parts", version{data, nil})
	e.wantHeaders("parts", "CompleteUpload", info, someHeaders)
}

// headersWrong stores what cannot be kept: it must be refused, by every driver.
func headersWrong(e *env) {
	for _, wrong := range []map[string]string{
		{"Cache-Control": "no-store"},
		{"content-type": "text/plain"},
		{"x-amz-acl": "public-read"},
		{"cache-control": ""},
		{"cache-control": " no-store"},
		{"cache-control": "a\nb"},
		{"content-disposition": "ü"},
		{"content-encoding": "gzip,aws-chunked"},
		{"expires": "0"},
		{"expires": "2031-02-03T04:05:06Z"},
	} {
		if err := e.tryHeaders("wrong", wrong); err == nil {
			e.Errorf("Put with headers %q = nil, want an error", wrong)
		}
		e.wantNone("wrong")
	}
	e.wantClean()
}

// headersAreCallers changes every map that came out: the object must not change
// with it.
func headersAreCallers(e *env) {
	e.needHeaders()
	info, err := e.d.Put(e.ctx, "own", newBody([]byte("body")), 4, &backend.PutOptions{Headers: maps.Clone(someHeaders)})
	if err != nil {
		e.Fatalf("Put = %v", err)
	}
	infos := []*backend.Info{info}
	for _, ask := range []func(context.Context) (*backend.Info, error){
		func(ctx context.Context) (*backend.Info, error) { return e.d.Stat(ctx, "own") },
		func(context.Context) (*backend.Info, error) {
			_, info, err := e.get("own", backend.GetOptions{})
			return info, err
		},
	} {
		info, err := ask(e.ctx)
		if err != nil {
			e.Fatal(err)
		}
		infos = append(infos, info)
	}
	for _, info := range infos {
		for _, name := range slices.Collect(maps.Keys(info.Headers)) {
			info.Headers[name] = "spoilt"
		}
	}
	e.wantHeaders("own", "Put", &backend.Info{Headers: someHeaders}, someHeaders)
}
